{{/* Names, labels and images. Where a helper takes a dict, `root` is the chart's context. */}}

{{- define "stack.name" -}}
{{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* At most 40 characters, so that every suffix fits into a DNS label; cut names stay distinct. */}}
{{- define "stack.fullname" -}}
{{- $name := .Values.fullnameOverride -}}
{{- if not $name -}}
{{- $base := include "stack.name" . -}}
{{- $name = ternary .Release.Name (printf "%s-%s" .Release.Name $base) (contains $base .Release.Name) -}}
{{- end -}}
{{- if gt (len $name) 40 -}}
{{- printf "%s-%s" ($name | trunc 33 | trimSuffix "-") (sha256sum $name | trunc 6) -}}
{{- else -}}
{{- $name -}}
{{- end -}}
{{- end }}

{{- define "stack.selector" -}}
app.kubernetes.io/name: {{ include "stack.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "stack.labels" -}}
{{ include "stack.selector" . }}
app.kubernetes.io/part-of: freelancer-data-stack
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "stack.imageRef" -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag }}
{{- end -}}
{{- end }}

{{/* One of the stack's own images, in image.registry unless its repository begins with another: dict root, image, repository (default). */}}
{{- define "stack.image" -}}
{{- $repository := default .repository .image.repository -}}
{{- if not (regexMatch "^([^/]*[.:][^/]*|localhost)/" $repository) -}}
{{- with .root.Values.image.registry }}{{ $repository = printf "%s/%s" (trimSuffix "/" .) $repository }}{{ end -}}
{{- end -}}
{{- include "stack.imageRef" (dict "repository" $repository "digest" .image.digest "tag" (default .root.Chart.AppVersion .image.tag)) -}}
{{- end }}

{{- define "stack.dagsterImage" -}}
{{ include "stack.image" (dict "root" . "image" .Values.dagster.image "repository" .Values.dagster.image.repository) }}
{{- end }}

{{- define "stack.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- include "stack.pullSecretNames" . | nindent 2 }}
{{- end }}
{{- end }}

{{/* A list of Secrets, each by name or as {name: …}. */}}
{{- define "stack.pullSecretNames" -}}
{{- range . }}
- name: {{ if kindIs "map" . }}{{ .name }}{{ else }}{{ . }}{{ end }}
{{- end }}
{{- end }}

{{- define "stack.podSecurity" -}}
{{- merge (deepCopy .Values.podSecurityContext) (dict "runAsNonRoot" true "seccompProfile" (dict "type" "RuntimeDefault")) | toYaml }}
{{- end }}

{{- define "stack.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* What all Services have in common. */}}
{{- define "stack.service.families" -}}
{{- with .Values.service.ipFamilyPolicy }}
ipFamilyPolicy: {{ . }}
{{- end }}
{{- with .Values.service.ipFamilies }}
ipFamilies: {{ toJson . }}
{{- end }}
{{- end }}

{{/* Where pods go, and how they find names. dict values, selector: labels of these pods, spread by if no others are named. */}}
{{- define "stack.scheduling" -}}
{{- $selector := .selector | fromYaml }}
{{- with .values }}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .topologySpreadConstraints }}
topologySpreadConstraints:
{{- range . }}
  - {{- merge (dict) . (dict "labelSelector" (dict "matchLabels" $selector)) | toYaml | nindent 4 }}
{{- end }}
{{- end }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .hostAliases }}
hostAliases: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .dnsConfig }}
dnsConfig: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{/* One scratch volume is all that a pod may write to; the instance's file lies in it. */}}
{{- define "stack.mounts" -}}
- {name: scratch, mountPath: /scratch, subPath: scratch}
- {name: scratch, mountPath: /tmp, subPath: tmp}
- {name: scratch, mountPath: /opt/dagster/home, subPath: home}
- {name: instance, mountPath: /opt/dagster/home/dagster.yaml, subPath: dagster.yaml, readOnly: true}
{{- end }}

{{/* dict root, size; config: the instance's file, if it is another than `dagster.yaml` */}}
{{- define "stack.volumes" -}}
- name: scratch
  emptyDir: {sizeLimit: {{ .size }}}
- name: instance
  configMap:
    name: {{ include "stack.fullname" .root }}-instance
    {{- with .config }}
    items: [{key: {{ . }}, path: dagster.yaml}]
    {{- end }}
{{- end }}
