{{/* The run storage's schema: one Job brings it up to date, every other pod waits for that. */}}

{{/*
Init container that waits: dict root, image, restored, postgres. Its code is that of the image which will read. `restored`: it
also waits for the backup that a new release begins with. `postgres`: the password's variable, if it is another's.
*/}}
{{- define "stack.schema.wait" -}}
- name: wait-for-schema
  image: {{ .image }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  command: [python, /opt/dagster/schema/schema.py, wait]
  securityContext: {{- include "stack.containerSecurity" .root | nindent 4 }}
  resources: {{- include "stack.resources" (dict "resources" .root.Values.schema.resources "scratch" "256Mi") | nindent 4 }}
  env:
    {{- include "stack.schema.env" . | nindent 4 }}
    {{- if and .restored (include "stack.restore.isMade" .root) }}
    - {name: RESTORED, value: "true"}
    {{- end }}
  volumeMounts:
    - {name: schema, mountPath: /opt/dagster/schema, readOnly: true}
    - {name: scratch, mountPath: /tmp, subPath: tmp}
{{- end }}

{{/* dict root, postgres */}}
{{- define "stack.schema.env" -}}
- {name: DAGSTER_HOME, value: /opt/dagster/schema}
- {name: SCHEMA_TIMEOUT_SECONDS, value: {{ .root.Values.schema.timeoutSeconds | int64 | quote }}}
{{ default (include "stack.env.postgres" .root) .postgres }}
{{- end }}

{{/* dict root, config: the instance's file, `storage.yaml`, `observer.yaml` or `migration.yaml` */}}
{{- define "stack.schema.volume" -}}
- name: schema
  configMap:
    name: {{ include "stack.fullname" .root }}-instance
    items:
      - {key: {{ .config }}, path: dagster.yaml}
      - {key: schema.py, path: schema.py}
      - {key: bucket.py, path: bucket.py}
{{- end }}

{{- define "stack.schema.podSpec" -}}
restartPolicy: Never
automountServiceAccountToken: false
enableServiceLinks: false
serviceAccountName: {{ include "stack.fullname" . }}-schema
securityContext: {{- include "stack.podSecurity" . | nindent 2 }}
{{- include "stack.pullSecrets" . }}
{{- with include "stack.store.wait" . }}
initContainers:
  {{- . | nindent 2 }}
{{- end }}
containers:
  - name: migrate
    image: {{ include "stack.dagsterImage" . }}
    imagePullPolicy: {{ .Values.image.pullPolicy }}
    command: [python, /opt/dagster/schema/schema.py, migrate]
    securityContext: {{- include "stack.containerSecurity" . | nindent 6 }}
    resources: {{- include "stack.resources" (dict "resources" .Values.schema.resources "scratch" "256Mi") | nindent 6 }}
    env:
      {{- include "stack.schema.env" (dict "root" .) | nindent 6 }}
      {{- with include "stack.observability.role" . }}
      - {name: OBSERVER, value: {{ . | quote }}}
      {{- end }}
    volumeMounts:
      - {name: schema, mountPath: /opt/dagster/schema, readOnly: true}
      - {name: scratch, mountPath: /tmp, subPath: tmp}
volumes:
  {{- include "stack.schema.volume" (dict "root" . "config" "migration.yaml") | nindent 2 }}
  - name: scratch
    emptyDir: {sizeLimit: 256Mi}
{{- end }}

{{/*
Init container that waits until the bundled S3 store takes the keys that it is to have, and makes the bucket; nothing where
the store is yours. Its code comes with the volume `schema`.
*/}}
{{- define "stack.store.wait" -}}
{{- if .Values.s3.enabled }}
- name: wait-for-store
  image: {{ include "stack.dagsterImage" . }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  command: [python, /opt/dagster/schema/bucket.py]
  securityContext: {{- include "stack.containerSecurity" . | nindent 4 }}
  resources: {{- include "stack.resources" (dict "resources" .Values.schema.resources "scratch" "256Mi") | nindent 4 }}
  env:
    - {name: AWS_ENDPOINT_URL, value: {{ include "stack.s3.endpoint" . | quote }}}
    - {name: AWS_REGION, value: {{ .Values.stack.region | quote }}}
    - {name: BUCKET, value: {{ .Values.stack.bucket | quote }}}
    - {name: SCHEMA_TIMEOUT_SECONDS, value: {{ .Values.schema.timeoutSeconds | int64 | quote }}}
    {{- include "stack.env.s3" . | nindent 4 }}
  volumeMounts:
    - {name: schema, mountPath: /opt/dagster/schema, readOnly: true}
    - {name: scratch, mountPath: /tmp, subPath: tmp}
{{- end }}
{{- end }}
