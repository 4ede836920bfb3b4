{{/* Values that contradict each other, said before anything is made of them. */}}
{{- define "stack.validate" -}}
{{- $pg := .Values.postgresql.external -}}
{{- $s3 := .Values.s3.external -}}
{{- if .Values.postgresql.enabled }}
  {{- if or $pg.host $pg.password $pg.existingSecret $pg.lakeCatalogUrl }}
    {{- fail "postgresql.enabled is true, but postgresql.external is set too: set postgresql.enabled=false to use your own Postgres, or leave postgresql.external empty" }}
  {{- end }}
{{- else }}
  {{- if not $pg.host }}
    {{- fail "postgresql.enabled is false, but postgresql.external.host is empty: name the host of your Postgres, or set postgresql.enabled=true" }}
  {{- end }}
  {{- if and $pg.existingSecret (or $pg.password $pg.lakeCatalogUrl) }}
    {{- fail "postgresql.external.existingSecret is set, but so is password or lakeCatalogUrl: use the Secret or the values, not both" }}
  {{- end }}
  {{- if not (or $pg.existingSecret (and $pg.password $pg.lakeCatalogUrl)) }}
    {{- fail "postgresql.external has no credentials: set existingSecret, or both password and lakeCatalogUrl" }}
  {{- end }}
{{- end }}
{{- if .Values.s3.enabled }}
  {{- if or $s3.endpointUrl $s3.accessKeyId $s3.secretAccessKey $s3.existingSecret }}
    {{- fail "s3.enabled is true, but s3.external is set too: set s3.enabled=false to use your own store, or leave s3.external empty" }}
  {{- end }}
{{- else }}
  {{- include "stack.validate.keys" (dict "path" "s3.external" "values" $s3) }}
{{- end }}
{{- include "stack.validate.credentials" . }}
{{- include "stack.validate.auth" . }}
{{- include "stack.validate.backup" . }}
{{- include "stack.validate.observability" . }}
{{- include "stack.validate.pods" . }}
{{- $scaling := .Values.webserver.autoscaling }}
{{- if and $scaling.enabled (gt (int $scaling.minReplicas) (int $scaling.maxReplicas)) }}
  {{- fail (printf "webserver.autoscaling.minReplicas is %d, more than maxReplicas, which is %d" (int $scaling.minReplicas) (int $scaling.maxReplicas)) }}
{{- end }}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) }}
  {{- fail "ingress.enabled is true, but ingress.host is empty: name the host of the UI" }}
{{- end }}
{{- if and .Values.httpRoute.enabled (not (and .Values.httpRoute.hostnames .Values.httpRoute.parentRefs)) }}
  {{- fail "httpRoute.enabled is true, but httpRoute.hostnames or httpRoute.parentRefs is empty: name the UI's host and its Gateway" }}
{{- end }}
{{- if and .Values.service.ipFamilies (not .Values.service.ipFamilyPolicy) (gt (len .Values.service.ipFamilies) 1) }}
  {{- fail "service.ipFamilies has two families, but service.ipFamilyPolicy is empty: set it to PreferDualStack or RequireDualStack, or name one family" }}
{{- end }}
{{- if and (eq .Values.service.ipFamilyPolicy "SingleStack") (gt (len .Values.service.ipFamilies) 1) }}
  {{- fail "service.ipFamilies has two families, but service.ipFamilyPolicy is SingleStack: name one family, or set PreferDualStack" }}
{{- end }}
{{- include "stack.validate.resources" (dict "path" "helmTest.resources" "resources" .Values.helmTest.resources) }}
{{- range $part := list "webserver" "daemon" "schema" "postgresql" "s3" }}
  {{- include "stack.validate.resources" (dict "path" (printf "%s.resources" $part) "resources" (get $.Values $part).resources) }}
{{- end }}
{{- $known := .Files.Get "files/variables.yaml" | fromYaml }}
{{- include "stack.validate.variables" (dict "path" "stack.env" "name" "" "variables" .Values.stack.env "known" $known) }}
{{- include "stack.validate.dev" . }}
{{- if not (include "stack.locations" . | trim) }}
  {{- fail "codeLocations has no enabled entry: enable at least one" }}
{{- end }}
{{- range $name := splitList "\n" (include "stack.locations" . | trim) }}
  {{- if has $name (list "dagster" "webserver" "daemon" "observability" "schema" "sample-data" "instance" "env" "backup" "restore" "proxy" "trial" "auth" "runs" "postgresql" "s3") }}
    {{- fail (printf "codeLocations.%s: that name is taken by another part of the release: choose another" $name) }}
  {{- end }}
  {{- $location := include "stack.location" (dict "root" $ "name" $name) | fromYaml }}
  {{- $path := printf "codeLocations.%s" $name }}
  {{- include "stack.validate.resources" (dict "path" (printf "%s.resources" $path) "resources" $location.resources) }}
  {{- include "stack.validate.resources" (dict "path" (printf "%s.run.resources" $path) "resources" $location.run.resources) }}
  {{- include "stack.validate.resources" (dict "path" (printf "%s.run.highMemoryResources" $path) "resources" $location.run.highMemoryResources) }}
  {{- range $part := list "env" "secret" }}
    {{- include "stack.validate.variables" (dict "path" (printf "%s.%s" $path $part) "name" $name "variables" (get $location $part) "known" $known) }}
  {{- end }}
  {{- range $variable, $_ := $location.secret }}
    {{- if hasKey $location.env $variable }}
      {{- fail (printf "%s has %s in env and in secret: use one of them" $path $variable) }}
    {{- end }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Code that is synced is for trying it out, by one code server of each location. */}}
{{- define "stack.validate.dev" -}}
{{- if .Values.stack.dev.sync }}
  {{- range $name := splitList "\n" (include "stack.locations" . | trim) }}
    {{- $location := include "stack.location" (dict "root" $ "name" $name) | fromYaml }}
    {{- $env := mergeOverwrite (dict "DAGSTER_ENV" "prod") $.Values.stack.env $location.env $location.secret }}
    {{- if eq (tpl (toString $env.DAGSTER_ENV) $) "prod" }}
      {{- fail (printf "stack.dev.sync is true, but DAGSTER_ENV of %s is prod, where code comes with images only: set stack.env.DAGSTER_ENV=dev, or stack.dev.sync=false" $name) }}
    {{- end }}
    {{- if gt (int $location.replicas) 1 }}
      {{- fail (printf "stack.dev.sync is true, but codeLocations.%s.replicas is %d: code is synced to one; set 1" $name (int $location.replicas)) }}
    {{- end }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Keys of an S3 store. dict path, values */}}
{{- define "stack.validate.keys" -}}
{{- if and .values.existingSecret (or .values.accessKeyId .values.secretAccessKey) }}
  {{- fail (printf "%s.existingSecret is set, but so is accessKeyId or secretAccessKey: use the Secret or the values, not both" .path) }}
{{- end }}
{{- if ne (empty .values.accessKeyId) (empty .values.secretAccessKey) }}
  {{- fail (printf "%s.accessKeyId and %s.secretAccessKey go together: set both or neither" .path .path) }}
{{- end }}
{{- end }}
