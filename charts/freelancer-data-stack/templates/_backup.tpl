{{/* Backups of the release, and the one that a new release begins with. */}}

{{- define "stack.backup.isMade" -}}
{{- if and (default dict .Values.backup).enabled (has "ingestion" (splitList "\n" (include "stack.locations" . | trim))) }}true{{ end -}}
{{- end }}

{{/* Nobody can read an encrypted one without its key. */}}
{{- define "stack.backup.isTested" -}}
{{- if and (include "stack.backup.isMade" .) .Values.backup.testSchedule (or (not .Values.backup.recipient) .Values.restore.identitySecret) }}true{{ end -}}
{{- end }}

{{- define "stack.restore.isMade" -}}
{{- if (default dict .Values.restore).from }}true{{ end -}}
{{- end }}

{{- define "stack.backup.name" -}}
{{ include "stack.fullname" . }}-backup
{{- end }}

{{/* Pod of the Jobs that make or restore a backup. dict root, component, command */}}
{{- define "stack.backup.template" -}}
{{- $root := .root }}
{{- $values := $root.Values.backup }}
{{- $location := include "stack.location" (dict "root" $root "name" "ingestion") | fromYaml }}
{{- $this := dict "root" $root "name" "ingestion" "location" $location }}
{{- $labels := dict "root" $root "component" .component }}
{{- $image := include "stack.location.image" $this }}
metadata:
  labels: {{- include "stack.labels" $labels | nindent 4 }}
spec:
  restartPolicy: Never
  serviceAccountName: {{ include "stack.fullname" $root }}-ingestion
  automountServiceAccountToken: false
  enableServiceLinks: false
  securityContext: {{- include "stack.podSecurity" $root | nindent 4 }}
  {{- include "stack.pullSecrets" $root | nindent 2 }}
  {{- include "stack.scheduling" (dict "values" $location "selector" (include "stack.selector" $labels)) | nindent 2 }}
  initContainers:
    {{- include "stack.schema.wait" (dict "root" $root "image" $image) | nindent 4 }}
    {{- with include "stack.store.wait" $root | trim }}
    {{- . | nindent 4 }}
    {{- end }}
  containers:
    - name: {{ .component }}
      image: {{ $image }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      command: {{ toJson .command }}
      securityContext: {{- include "stack.containerSecurity" $root | nindent 8 }}
      envFrom: {{- include "stack.location.envFrom" $this | nindent 8 }}
      env:
        {{- with include "stack.env.location" $root | trim }}
        {{- . | nindent 8 }}
        {{- end }}
        {{- include "stack.backup.env" $root | trim | nindent 8 }}
      resources: {{- include "stack.resources" (dict "resources" $values.resources "scratch" $values.scratchSize) | nindent 8 }}
      volumeMounts:
        {{- include "stack.mounts" $root | nindent 8 }}
  volumes:
    {{- include "stack.volumes" (dict "root" $root "size" $values.scratchSize) | nindent 4 }}
    {{- include "stack.schema.volume" (dict "root" $root "config" "storage.yaml") | nindent 4 }}
{{- end }}

{{- define "stack.backup.env" -}}
{{- $values := .Values.backup -}}
{{- $url := include "stack.url" . -}}
- {name: BACKUP_URL, value: {{ $values.url | quote }}}
- {name: BACKUP_KEEP_DAYS, value: {{ int $values.keepDays | quote }}}
- {name: BACKUP_FOLDERS, value: {{ dict "catalog" (printf "%s/catalog" $url) "logs" (printf "%s/compute-logs" $url) | toJson | quote }}}
{{- with $values.recipient }}
- {name: BACKUP_RECIPIENT, value: {{ . | quote }}}
{{- end }}
{{- with $values.endpointUrl }}
- {name: BACKUP_ENDPOINT_URL, value: {{ . | quote }}}
{{- end }}
{{- with $values.region }}
- {name: BACKUP_REGION, value: {{ . | quote }}}
{{- end }}
{{- if or $values.existingSecret $values.accessKeyId }}
{{- $secret := default (include "stack.backup.name" .) $values.existingSecret }}
- name: BACKUP_ACCESS_KEY_ID
  valueFrom: {secretKeyRef: {name: {{ $secret }}, key: access-key-id}}
- name: BACKUP_SECRET_ACCESS_KEY
  valueFrom: {secretKeyRef: {name: {{ $secret }}, key: secret-access-key}}
{{- end }}
{{- with .Values.restore.identitySecret }}
- name: BACKUP_IDENTITY
  valueFrom: {secretKeyRef: {name: {{ . }}, key: identity}}
{{- end }}
{{- end }}

{{- define "stack.validate.backup" -}}
{{- $backup := default dict .Values.backup -}}
{{- $restore := default dict .Values.restore -}}
{{- if or $backup.enabled $restore.from }}
  {{- if not $backup.url }}
    {{- fail (printf "%s, but backup.url is empty: name the folder of the backups, s3://bucket/path" (ternary "backup.enabled is true" "restore.from is set" (eq true $backup.enabled))) }}
  {{- end }}
  {{- if hasPrefix (printf "%s/" (include "stack.url" .)) (printf "%s/" (trimSuffix "/" $backup.url)) }}
    {{- if not $backup.endpointUrl }}
      {{- fail (printf "backup.url is %s, in the stack's own folder %s: name another bucket, best in another store" $backup.url (include "stack.url" .)) }}
    {{- end }}
  {{- end }}
  {{- if and (hasSuffix ".age" $restore.from) (not $restore.identitySecret) }}
    {{- fail (printf "restore.from is %s, which is encrypted, but restore.identitySecret is empty: name the Secret that has its key" $restore.from) }}
  {{- end }}
  {{- if not (has "ingestion" (splitList "\n" (include "stack.locations" . | trim))) }}
    {{- fail "backup.enabled or restore.from is set, but codeLocations.ingestion is not enabled: its image makes and restores them" }}
  {{- end }}
  {{- include "stack.validate.keys" (dict "path" "backup" "values" $backup) }}
{{- end }}
{{- end }}
