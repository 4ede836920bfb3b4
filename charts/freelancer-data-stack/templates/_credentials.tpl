{{/* Credentials of the bundled stores and the login: as the values say, else as the release's Secrets have them, else random. */}}

{{/*
One of them. dict root, key: dagsterPassword, lakePassword, observerPassword, superuserPassword, secretAccessKey, adminPassword,
operatorPassword, viewerPassword, proxySecret, cookieSecret
*/}}
{{- define "stack.generated" -}}
{{- if not (hasKey .root.Values "generated") }}
{{- $_ := include "stack.generate" .root }}
{{- end -}}
{{- get .root.Values.generated .key }}
{{- end }}

{{/* Makes all of them, once for all templates of a rendering: a random one is another at each call. */}}
{{- define "stack.generate" -}}
{{- $name := include "stack.fullname" . -}}
{{- $held := dict -}}
{{- range $part := list "postgresql" "s3" "auth" }}
{{- range $key, $value := (lookup "v1" "Secret" $.Release.Namespace (printf "%s-%s" $name $part)).data }}
  {{- $_ := set $held $key (b64dec $value) }}
{{- end }}
{{- end }}
{{- with get $held "s3.json" }}{{/* of the chart's first version; it stays in the Secret */}}
  {{- $_ := set $held "secret-access-key" (default (first (first (fromJson .).identities).credentials).secretKey (get $held "secret-access-key")) }}
{{- end }}
{{- $generated := dict
    "dagsterPassword" (coalesce .Values.postgresql.dagsterPassword (get $held "dagster-password") (randAlphaNum 32))
    "lakePassword" (coalesce .Values.postgresql.lakePassword (get $held "lake-password") (randAlphaNum 32))
    "observerPassword" (coalesce .Values.postgresql.observerPassword (get $held "observer-password") (randAlphaNum 32))
    "superuserPassword" (default (ternary "" (randAlphaNum 32) (eq (include "stack.isBlind" .) "true")) (get $held "postgres-password"))
    "secretAccessKey" (coalesce .Values.s3.secretAccessKey (get $held "secret-access-key") (randAlphaNum 32)) }}
{{- range $key, $kept := dict "adminPassword" "admin-password" "operatorPassword" "operator-password" "viewerPassword" "viewer-password" "proxySecret" "proxy-secret" "cookieSecret" "cookie-secret" }}
  {{- $_ := set $generated $key (default (randAlphaNum 32) (get $held $kept)) }}
{{- end }}
{{- if .Values.postgresql.existingSecret }}
  {{- $generated = mergeOverwrite $generated (dict "dagsterPassword" "" "lakePassword" "" "observerPassword" "" "superuserPassword" "") }}
{{- end }}
{{- if .Values.s3.existingSecret }}{{ $_ := set $generated "secretAccessKey" "" }}{{ end }}
{{- $_ := set .Values "generated" $generated }}
{{- end }}

{{/* Whether a password is still one that the chart's first version derived from the release's names. */}}
{{- define "stack.areDerived" -}}
{{- range $key, $purpose := dict "dagsterPassword" "dagster" "lakePassword" "lake" "secretAccessKey" "s3" }}
{{- $derived := printf "%s/%s/%s" $.Release.Namespace $.Release.Name $purpose | sha256sum | trunc 32 }}
{{- if eq $derived (include "stack.generated" (dict "root" $ "key" $key)) }}true{{ end }}
{{- end }}
{{- end }}

{{/* Whether nothing of the cluster can be seen, as with `helm template`: a list has a kind even if it is empty. */}}
{{- define "stack.isBlind" -}}
{{- if not (lookup "v1" "Secret" .Release.Namespace "").kind }}true{{ end -}}
{{- end }}

{{/*
A tool that renders for a cluster without looking at it, as Argo CD does, would make other passwords each time. It knows
what kinds the cluster has; a mere `helm template` does not.
*/}}
{{- define "stack.validate.credentials" -}}
{{- range $values := list .Values.postgresql .Values.s3 }}
  {{- $part := ternary "postgresql" "s3" (hasKey $values "lakePassword") }}
  {{- if not $values.enabled }}
    {{- range $key, $instead := dict "existingSecret" "existingSecret" "dagsterPassword" "password" "lakePassword" "lakeCatalogUrl" "observerPassword" "existingSecret" "secretAccessKey" "secretAccessKey" }}
      {{- if get $values $key }}
        {{- $use := ternary "observability.postgresql.existingSecret" (printf "%s.external.%s" $part $instead) (eq $key "observerPassword") }}
        {{- fail (printf "%s.%s is of the bundled store, but %s.enabled is false: use %s" $part $key $part $use) }}
      {{- end }}
    {{- end }}
  {{- end }}
  {{- range $key := list "dagsterPassword" "lakePassword" "observerPassword" "secretAccessKey" }}
    {{- if and $values.existingSecret (get $values $key) }}
      {{- fail (printf "%s.existingSecret is set, but so is %s: use the Secret or the value, not both" $part $key) }}
    {{- end }}
  {{- end }}
{{- end }}
{{- range $path := list "postgresql.dagsterPassword" "postgresql.lakePassword" "postgresql.observerPassword" "postgresql.external.password" "s3.secretAccessKey" "s3.external.secretAccessKey" "backup.secretAccessKey" "auth.oidc.clientSecret" }}
  {{- $value := $.Values }}
  {{- range splitList "." $path }}{{ $value = get $value . }}{{ end }}
  {{- if ne $value (trim $value) }}
    {{- fail (printf "%s begins or ends with blanks or a line break, as --set-file leaves one: take them away" $path) }}
  {{- end }}
{{- end }}
{{- $lacking := list }}
{{- if and .Values.postgresql.enabled (not .Values.postgresql.existingSecret) (not (and .Values.postgresql.dagsterPassword .Values.postgresql.lakePassword)) }}
  {{- $lacking = append $lacking "postgresql.existingSecret" }}
{{- end }}
{{- if and .Values.s3.enabled (not .Values.s3.existingSecret) (not .Values.s3.secretAccessKey) }}
  {{- $lacking = append $lacking "s3.existingSecret" }}
{{- end }}
{{- if and (eq .Values.auth.mode "basic") (not .Values.auth.basic.existingSecret) }}
  {{- $lacking = append $lacking "auth.basic.existingSecret" }}
{{- end }}
{{- if and (eq .Values.auth.mode "oidc") (not .Values.auth.oidc.existingSecret) }}
  {{- $lacking = append $lacking "auth.oidc.existingSecret" }}
{{- end }}
{{- if and $lacking .Release.IsInstall (.Capabilities.APIVersions.Has "apps/v1/Deployment") (include "stack.isBlind" .) }}
  {{- fail (printf "%s: empty, and this rendering can't look up the passwords made before, so each would make others: name a Secret there (docs/credentials.md says with which keys), or render with helm itself, a dry run with --dry-run=server" (join " and " $lacking)) }}
{{- end }}
{{- end }}

{{/* Versions of existing Secrets that the stores' credentials come from: pods start anew where one changed. */}}
{{- define "stack.existingVersions" -}}
{{- range $name := list (include "stack.pg.existing" .) (include "stack.s3.existing" .) | uniq | compact }}
{{- with (lookup "v1" "Secret" $.Release.Namespace $name).metadata }}{{ .resourceVersion }} {{ end }}
{{- end }}
{{- end }}
