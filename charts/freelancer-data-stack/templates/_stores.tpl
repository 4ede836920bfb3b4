{{/* Where Postgres and S3 are, and what leads to them. */}}

{{- define "stack.secretHash" -}}
{{ printf "%s/%s/%s" .root.Release.Namespace .root.Release.Name .purpose | sha256sum | trunc 32 }}
{{- end }}

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
{{- if .Values.postgresql.enabled -}}
{{ default (include "stack.secretHash" (dict "root" . "purpose" "dagster")) .Values.postgresql.dagsterPassword }}
{{- else -}}
{{ .Values.postgresql.external.password }}
{{- end -}}
{{- end }}

{{- define "stack.pg.lakePassword" -}}
{{ default (include "stack.secretHash" (dict "root" . "purpose" "lake")) .Values.postgresql.lakePassword }}
{{- end }}

{{- define "stack.pg.lakeUrl" -}}
{{- if .Values.postgresql.enabled -}}
postgresql://lake:{{ include "stack.pg.lakePassword" . | urlquery | replace "+" "%20" }}@{{ include "stack.fullname" . }}-postgresql:5432/lake
{{- else -}}
{{ .Values.postgresql.external.lakeCatalogUrl }}
{{- end -}}
{{- end }}

{{- define "stack.s3.accessKeyId" -}}
{{ ternary .Values.s3.accessKeyId .Values.s3.external.accessKeyId .Values.s3.enabled }}
{{- end }}

{{- define "stack.s3.secretAccessKey" -}}
{{- if .Values.s3.enabled -}}
{{ default (include "stack.secretHash" (dict "root" . "purpose" "s3")) .Values.s3.secretAccessKey }}
{{- else -}}
{{ .Values.s3.external.secretAccessKey }}
{{- end -}}
{{- end }}

{{- define "stack.s3.endpoint" -}}
{{ ternary (printf "http://%s-s3:8333" (include "stack.fullname" .)) .Values.s3.external.endpointUrl .Values.s3.enabled }}
{{- end }}

{{/* Folder of everything on S3: s3://bucket or s3://bucket/prefix. */}}
{{- define "stack.url" -}}
s3://{{ .Values.stack.bucket }}{{ with .Values.stack.prefix }}/{{ trimAll "/" . }}{{ end }}
{{- end }}

{{- define "stack.pg.existing" -}}
{{- if not .Values.postgresql.enabled }}{{ .Values.postgresql.external.existingSecret }}{{ end -}}
{{- end }}

{{- define "stack.s3.existing" -}}
{{- if not .Values.s3.enabled }}{{ .Values.s3.external.existingSecret }}{{ end -}}
{{- end }}

{{/* Password of the run storage, by single key: the Secret may hold more. */}}
{{- define "stack.env.postgres" -}}
- name: DAGSTER_PG_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ default (printf "%s-dagster" (include "stack.fullname" .)) (include "stack.pg.existing" .) }}
      key: {{ ternary .Values.postgresql.external.passwordKey "DAGSTER_PG_PASSWORD" (ne (include "stack.pg.existing" .) "") }}
{{- end }}

{{/* Keys of the bucket, by single key; nothing where a role gives access. */}}
{{- define "stack.env.s3" -}}
{{- $external := .Values.s3.external -}}
{{- $own := printf "%s-dagster" (include "stack.fullname" .) -}}
{{- if include "stack.s3.existing" . -}}
- name: AWS_ACCESS_KEY_ID
  valueFrom: {secretKeyRef: {name: {{ $external.existingSecret }}, key: {{ $external.accessKeyIdKey }}}}
- name: AWS_SECRET_ACCESS_KEY
  valueFrom: {secretKeyRef: {name: {{ $external.existingSecret }}, key: {{ $external.secretAccessKeyKey }}}}
{{- else if include "stack.s3.accessKeyId" . -}}
- name: AWS_ACCESS_KEY_ID
  valueFrom: {secretKeyRef: {name: {{ $own }}, key: AWS_ACCESS_KEY_ID}}
- name: AWS_SECRET_ACCESS_KEY
  valueFrom: {secretKeyRef: {name: {{ $own }}, key: AWS_SECRET_ACCESS_KEY}}
{{- end -}}
{{- end }}

{{/* What a location takes from existing Secrets of the stores, by single key. */}}
{{- define "stack.env.location" -}}
{{- $pg := .Values.postgresql.external -}}
{{- if include "stack.pg.existing" . }}
{{ include "stack.env.postgres" . }}
- name: DUCKLAKE_CATALOG_URL
  valueFrom: {secretKeyRef: {name: {{ $pg.existingSecret }}, key: {{ $pg.lakeCatalogUrlKey }}}}
{{- end }}
{{- if include "stack.s3.existing" . }}
{{ include "stack.env.s3" . }}
{{- end }}
{{- end }}
