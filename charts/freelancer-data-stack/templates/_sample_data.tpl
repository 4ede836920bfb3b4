{{/* Whether there is a Job that writes the sample books. */}}
{{- define "stack.sampleData.isMade" -}}
{{- if and .Values.sampleData.enabled .Values.s3.enabled (not (include "stack.restore.isMade" .)) (has "ingestion" (splitList "\n" (include "stack.locations" . | trim))) }}true{{ end -}}
{{- end }}

{{/* Pod of the Job that writes the sample books. Called with the chart's context. */}}
{{- define "stack.sampleData.template" -}}
{{- $location := include "stack.location" (dict "root" . "name" "ingestion") | fromYaml }}
{{- $this := dict "root" . "name" "ingestion" "location" $location }}
{{- $labels := dict "root" . "component" "sample-data" }}
{{- $arguments := list "-m" "ingestion.sample_data" "--size" (int .Values.sampleData.size | toString) "--to" (printf "%s/exports/books" (include "stack.url" .)) }}
metadata:
  labels: {{- include "stack.labels" $labels | nindent 4 }}
spec:
  restartPolicy: OnFailure
  serviceAccountName: {{ include "stack.fullname" . }}-ingestion
  automountServiceAccountToken: false
  enableServiceLinks: false
  securityContext: {{- include "stack.podSecurity" . | nindent 4 }}
  {{- include "stack.pullSecrets" . | nindent 2 }}
  {{- include "stack.scheduling" (dict "values" $location "selector" (include "stack.location.selector" $this)) | nindent 2 }}
  initContainers:
    {{- include "stack.store.wait" . | trim | nindent 4 }}
  containers:
    - name: sample-data
      image: {{ include "stack.location.image" $this }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      command: {{ prepend $arguments "python" | toJson }}
      securityContext: {{- include "stack.containerSecurity" . | nindent 8 }}
      envFrom: {{- include "stack.location.envFrom" $this | nindent 8 }}
      {{- with include "stack.env.location" $ | trim }}
      env: {{- . | nindent 8 }}
      {{- end }}
      resources: {{- include "stack.resources" (dict "resources" .Values.schema.resources "scratch" "1Gi") | nindent 8 }}
      volumeMounts:
        - {name: scratch, mountPath: /scratch, subPath: scratch}
        - {name: scratch, mountPath: /tmp, subPath: tmp}
  volumes:
    {{- include "stack.schema.volume" (dict "root" . "config" "storage.yaml") | nindent 4 }}
    - name: scratch
      emptyDir: {sizeLimit: 1Gi}
{{- end }}
