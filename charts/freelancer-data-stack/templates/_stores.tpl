{{/* Where Postgres and S3 are, and what leads to them. */}}

{{/* Parameters as `stack.warehouse` has them for the lake's catalog; null takes one away. */}}
{{- define "stack.pg" -}}
{{- $params := dict "connect_timeout" 10 "keepalives_idle" 30 "keepalives_interval" 10 "keepalives_count" 3 "tcp_user_timeout" 60000 }}
{{- if .Values.postgresql.enabled -}}
host: {{ include "stack.fullname" . }}-postgresql
port: 5432
database: dagster
user: dagster
{{- else -}}
{{ pick .Values.postgresql.external "host" "port" "database" "user" | toYaml }}
{{- range $key, $value := .Values.postgresql.external.params }}
{{- if kindIs "invalid" $value }}{{ $_ := unset $params $key }}{{ else }}{{ $_ := set $params $key $value }}{{ end }}
{{- end }}
{{- end }}
params: {{ toJson $params }}
{{- end }}

{{- define "stack.pg.dagsterPassword" -}}
{{ ternary (include "stack.generated" (dict "root" . "key" "dagsterPassword")) .Values.postgresql.external.password .Values.postgresql.enabled }}
{{- end }}

{{- define "stack.pg.lakeUrl" -}}
{{- if .Values.postgresql.enabled -}}
postgresql://lake:{{ include "stack.generated" (dict "root" . "key" "lakePassword") | urlquery | replace "+" "%20" }}@{{ include "stack.fullname" . }}-postgresql:5432/lake
{{- else -}}
{{ .Values.postgresql.external.lakeCatalogUrl }}
{{- end -}}
{{- end }}

{{- define "stack.s3.accessKeyId" -}}
{{ ternary .Values.s3.accessKeyId .Values.s3.external.accessKeyId .Values.s3.enabled }}
{{- end }}

{{- define "stack.s3.secretAccessKey" -}}
{{ ternary (include "stack.generated" (dict "root" . "key" "secretAccessKey")) .Values.s3.external.secretAccessKey .Values.s3.enabled }}
{{- end }}

{{- define "stack.s3.endpoint" -}}
{{ ternary (printf "http://%s-s3:8333" (include "stack.fullname" .)) .Values.s3.external.endpointUrl .Values.s3.enabled }}
{{- end }}

{{/* Folder of everything on S3: s3://bucket or s3://bucket/prefix. */}}
{{- define "stack.url" -}}
s3://{{ .Values.stack.bucket }}{{ with .Values.stack.prefix }}/{{ trimAll "/" . }}{{ end }}
{{- end }}

{{/* Name of the Secret that somebody else makes for a store; empty: the chart's own. */}}
{{- define "stack.pg.existing" -}}
{{ ternary .Values.postgresql.existingSecret .Values.postgresql.external.existingSecret .Values.postgresql.enabled }}
{{- end }}

{{- define "stack.s3.existing" -}}
{{ ternary .Values.s3.existingSecret .Values.s3.external.existingSecret .Values.s3.enabled }}
{{- end }}

{{/* Password of the run storage, by single key: the Secret may hold more. */}}
{{- define "stack.env.postgres" -}}
{{- $existing := include "stack.pg.existing" . -}}
- name: DAGSTER_PG_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ default (printf "%s-dagster" (include "stack.fullname" .)) $existing }}
      key: {{ ternary (ternary "dagster-password" .Values.postgresql.external.passwordKey .Values.postgresql.enabled) "DAGSTER_PG_PASSWORD" (ne $existing "") }}
{{- end }}

{{/* Keys of the bucket, by single key; nothing where a role gives access. */}}
{{- define "stack.env.s3" -}}
{{- $external := .Values.s3.external -}}
{{- $own := printf "%s-dagster" (include "stack.fullname" .) -}}
{{- with include "stack.s3.existing" . -}}
- name: AWS_ACCESS_KEY_ID
  valueFrom: {secretKeyRef: {name: {{ . }}, key: {{ ternary "access-key-id" $external.accessKeyIdKey $.Values.s3.enabled }}}}
- name: AWS_SECRET_ACCESS_KEY
  valueFrom: {secretKeyRef: {name: {{ . }}, key: {{ ternary "secret-access-key" $external.secretAccessKeyKey $.Values.s3.enabled }}}}
{{- else -}}
{{- if include "stack.s3.accessKeyId" . -}}
- name: AWS_ACCESS_KEY_ID
  valueFrom: {secretKeyRef: {name: {{ $own }}, key: AWS_ACCESS_KEY_ID}}
- name: AWS_SECRET_ACCESS_KEY
  valueFrom: {secretKeyRef: {name: {{ $own }}, key: AWS_SECRET_ACCESS_KEY}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Where the lake's catalog is, by a key of an existing Secret. */}}
{{- define "stack.env.lake" -}}
{{- $existing := include "stack.pg.existing" . -}}
{{- if .Values.postgresql.enabled -}}
- name: LAKE_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ $existing }}, key: lake-password}}
- name: DUCKLAKE_CATALOG_URL
  value: postgresql://lake:$(LAKE_PASSWORD)@{{ include "stack.fullname" . }}-postgresql:5432/lake
{{- else -}}
- name: DUCKLAKE_CATALOG_URL
  valueFrom: {secretKeyRef: {name: {{ $existing }}, key: {{ .Values.postgresql.external.lakeCatalogUrlKey }}}}
{{- end -}}
{{- end }}

{{/* What a location takes from existing Secrets of the stores, by single key. */}}
{{- define "stack.env.location" -}}
{{- if include "stack.pg.existing" . }}
{{ include "stack.env.postgres" . }}
{{ include "stack.env.lake" . }}
{{- end }}
{{- if include "stack.s3.existing" . }}
{{ include "stack.env.s3" . }}
{{- end }}
{{- end }}
