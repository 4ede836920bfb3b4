{{/* The process that tells how the stack is: metrics for Prometheus, messages for people. */}}

{{- define "stack.observability.isMade" -}}
{{- if (default dict .Values.observability).enabled }}true{{ end -}}
{{- end }}

{{- define "stack.observability.name" -}}
{{ include "stack.fullname" . }}-observability
{{- end }}

{{/*
Whether the bundled Postgres has a role `observer` whose password the chart makes. Not where the other two are given, this one
isn't, and the cluster can't be seen: a random one would be another at each rendering.
*/}}
{{- define "stack.observability.hasRole" -}}
{{- $pg := .Values.postgresql -}}
{{- if and (include "stack.observability.isMade" .) $pg.enabled (not $pg.existingSecret) (or $pg.observerPassword (not (and $pg.dagsterPassword $pg.lakePassword (include "stack.isBlind" .)))) }}true{{ end -}}
{{- end }}

{{/* Its own role in the run storage; empty: it has none. */}}
{{- define "stack.observability.role" -}}
{{- if include "stack.observability.isMade" . -}}
{{ default (ternary "observer" "" (eq "true" (include "stack.observability.hasRole" .))) .Values.observability.postgresql.user }}
{{- end -}}
{{- end }}

{{/* Its password, by single key. */}}
{{- define "stack.observability.postgres" -}}
{{- $own := .Values.observability.postgresql -}}
{{- if $own.user -}}
- name: DAGSTER_PG_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ default (include "stack.pg.existing" .) $own.existingSecret }}, key: {{ $own.passwordKey }}}}
{{- else if include "stack.observability.hasRole" . -}}
- name: DAGSTER_PG_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ include "stack.observability.name" . }}, key: DAGSTER_PG_PASSWORD}}
{{- else -}}
{{ include "stack.env.postgres" . }}
{{- end -}}
{{- end }}

{{/* Its variables beside those of all: where files lie that were set aside, is the ingestion's to say. */}}
{{- define "stack.observability.variables" -}}
{{- $variables := dict -}}
{{- if has "ingestion" (splitList "\n" (include "stack.locations" . | trim)) -}}
{{- $variables = pick (include "stack.location" (dict "root" . "name" "ingestion") | fromYaml).env "QUARANTINE_URL" -}}
{{- end -}}
{{- if or .Values.ingress.enabled .Values.httpRoute.enabled -}}
{{- $_ := set $variables "UI_URL" (printf "%s%s" (include "stack.front.origin" .) .Values.webserver.pathPrefix) -}}
{{- end -}}
{{- if include "stack.backup.isMade" . -}}
{{- $_ := set $variables "BACKUP_URL" .Values.backup.url -}}
{{- end -}}
{{- with include "stack.observability.certificate" . -}}
{{- $_ := set $variables "OBSERVE_CERTIFICATES" (printf "/etc/stack/certificates/%s/tls.crt" .) -}}
{{- end -}}
{{- mergeOverwrite $variables .Values.observability.env | toYaml }}
{{- end }}

{{/* The Secret whose certificate it tells the end of: that of the Ingress. A Gateway has its own. */}}
{{- define "stack.observability.certificate" -}}
{{- if .Values.ingress.enabled }}{{ .Values.ingress.tlsSecret }}{{ end -}}
{{- end }}

{{- define "stack.validate.observability" -}}
{{- if not (include "stack.observability.isMade" .) }}
  {{- range $part := list "podMonitor" "serviceMonitor" "prometheusRule" "dashboards" }}
    {{- if (get $.Values.observability $part).enabled }}
      {{- fail (printf "observability.%s.enabled is true, but observability.enabled is false, so that there is nothing to watch: enable both or neither" $part) }}
    {{- end }}
  {{- end }}
{{- else }}
{{- $values := .Values.observability -}}
{{- $known := .Files.Get "files/variables.yaml" | fromYaml }}
{{- range $part := list "env" "secret" }}
  {{- include "stack.validate.variables" (dict "path" (printf "observability.%s" $part) "name" "observability" "variables" (get $values $part) "known" $known) }}
{{- end }}
{{- range $variable, $_ := $values.secret }}
  {{- if hasKey $values.env $variable }}
    {{- fail (printf "observability has %s in env and in secret: use one of them" $variable) }}
  {{- end }}
{{- end }}
{{- if and $values.notify.urls $.Values.networkPolicy.enabled (not (or $values.notify.egress $.Values.networkPolicy.extraEgress)) }}
  {{- fail "observability.notify.urls is set, but observability.notify.egress is empty, so that no message would get out: name the mail server or the services there, or [{}] for anything" }}
{{- end }}
{{- with $values.postgresql }}
  {{- if and .existingSecret (not .user) }}
    {{- fail "observability.postgresql.existingSecret is set, but observability.postgresql.user is empty: name the role whose password it has" }}
  {{- end }}
  {{- if and .user (not .existingSecret) (not (include "stack.pg.existing" $)) }}
    {{- fail "observability.postgresql.user is set, but no Secret has its password: set observability.postgresql.existingSecret" }}
  {{- end }}
{{- end }}
{{- if and $values.podMonitor.enabled $values.serviceMonitor.enabled }}
  {{- fail "observability.podMonitor and observability.serviceMonitor are both enabled, so that Prometheus would scrape it twice: enable one" }}
{{- end }}
{{- end }}
{{- end }}
