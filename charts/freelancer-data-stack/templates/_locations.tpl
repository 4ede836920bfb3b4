{{/* A code location: its values over the defaults, as YAML. dict root, name */}}
{{- define "stack.location" -}}
{{- $given := default dict (index .root.Values.codeLocations .name) -}}
{{- mergeOverwrite (deepCopy .root.Values.codeLocationDefaults) (deepCopy $given) | toYaml -}}
{{- end }}

{{/* Names of the enabled locations, one a line. */}}
{{- define "stack.locations" -}}
{{- range $name, $_ := .Values.codeLocations }}
{{- $location := include "stack.location" (dict "root" $ "name" $name) | fromYaml }}
{{- if $location.enabled }}{{ $name }}
{{ end }}
{{- end }}
{{- end }}

{{- define "stack.location.image" -}}
{{ include "stack.image" (dict "root" .root "image" .location.image "repository" (printf "freelancer-data-stack/%s" .name)) }}
{{- end }}

{{/* All images of the release, by name: of the stack's own, and of others that it brings. */}}
{{- define "stack.images" -}}
- name: dagster
  image: {{ include "stack.dagsterImage" . }}
{{- range $name := splitList "\n" (include "stack.locations" . | trim) }}
{{- $location := include "stack.location" (dict "root" $ "name" $name) | fromYaml }}
- name: {{ $name }}
  image: {{ include "stack.location.image" (dict "root" $ "name" $name "location" $location) }}
{{- end }}
{{- range $name, $part := dict "postgresql" .Values.postgresql "seaweedfs" .Values.s3 }}
{{- if $part.enabled }}
- name: {{ $name }}
  image: {{ include "stack.imageRef" $part.image }}
{{- end }}
{{- end }}
{{- if eq .Values.auth.mode "oidc" }}
- name: oauth2-proxy
  image: {{ include "stack.imageRef" .Values.auth.oidc.proxy.image }}
{{- end }}
{{- end }}

{{/* envFrom of code server and runs. dict root, name, location */}}
{{- define "stack.location.envFrom" -}}
{{- $fullname := include "stack.fullname" .root -}}
- configMapRef: {name: {{ $fullname }}-env}
- configMapRef: {name: {{ $fullname }}-{{ .name }}}
- secretRef: {name: {{ $fullname }}-{{ .name }}}
{{- with .location.existingSecret }}
- secretRef: {name: {{ . }}}
{{- end }}
{{- end }}

{{/* Labels that a location's code servers and runs have in common. */}}
{{- define "stack.location.selector" -}}
app.kubernetes.io/instance: {{ .root.Release.Name }}
freelancer-data-stack/location: {{ .name }}
{{- end }}

{{- define "stack.location.labels" -}}
app.kubernetes.io/name: {{ include "stack.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/part-of: freelancer-data-stack
app.kubernetes.io/managed-by: dagster
freelancer-data-stack/location: {{ .name }}
{{- end }}

{{/* What the run launcher and the k8s-job executor make of a run or a step of this location. */}}
{{- define "stack.location.context" -}}
{{- $run := .location.run -}}
k8s:
  namespace: {{ .root.Release.Namespace }}
  service_account_name: {{ include "stack.fullname" .root }}-{{ .name }}
  image_pull_policy: {{ .root.Values.image.pullPolicy }}
  {{- with .root.Values.image.pullSecrets }}
  image_pull_secrets:
    {{- include "stack.pullSecretNames" . | nindent 4 }}
  {{- end }}
  resources: {{- include "stack.resources" (dict "resources" $run.resources "scratch" $run.scratchSize) | nindent 4 }}
  run_k8s_config:
    container_config:
      envFrom: {{- include "stack.location.envFrom" . | nindent 8 }}
      {{- $env := include "stack.env.location" .root | trim }}
      {{- if or $env .location.extraEnv }}
      env:
        {{- with $env }}{{ . | nindent 8 }}{{ end }}
        {{- with .location.extraEnv }}{{ toYaml . | nindent 8 }}{{ end }}
      {{- end }}
      securityContext: {{- include "stack.containerSecurity" .root | nindent 8 }}
      volumeMounts:
        {{- include "stack.mounts" .root | nindent 8 }}
        {{- with .location.extraVolumeMounts }}{{ toYaml . | nindent 8 }}{{ end }}
    pod_spec_config:
      terminationGracePeriodSeconds: 60 # in which a sync on an Airbyte server is cancelled
      automountServiceAccountToken: {{ eq .location.executor "k8s-job" }}
      enableServiceLinks: false # a Service `airbyte` would set AIRBYTE_PORT
      securityContext: {{- include "stack.podSecurity" .root | nindent 8 }}
      {{- with include "stack.scheduling" (dict "values" .location "selector" (include "stack.location.selector" .)) | trim }}
      {{- . | nindent 6 }}
      {{- end }}
      volumes:
        {{- include "stack.volumes" (dict "root" .root "size" $run.scratchSize) | nindent 8 }}
        {{- with .location.extraVolumes }}{{ toYaml . | nindent 8 }}{{ end }}
    pod_template_spec_metadata:
      labels: {{- mergeOverwrite (deepCopy .location.podLabels) (deepCopy $run.labels) (include "stack.location.labels" . | fromYaml) | toYaml | nindent 8 }}
      {{- with mergeOverwrite (deepCopy .location.podAnnotations) $run.annotations }}
      annotations: {{- toYaml . | nindent 8 }}
      {{- end }}
    job_metadata:
      labels: {{- include "stack.location.labels" . | nindent 8 }}
    job_spec_config:
      ttlSecondsAfterFinished: {{ int $run.ttlSecondsAfterFinished }}
      activeDeadlineSeconds: {{ int $run.activeDeadlineSeconds }}
{{- end }}
