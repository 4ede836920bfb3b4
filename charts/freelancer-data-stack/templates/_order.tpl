{{/*
In which order Argo CD applies objects (sync waves): configuration and stores, the schema's migration, then all that reads it.
A migration that fails leaves the pods before as they are. What has no wave is in the first; Argo CD goes on when all of a wave
is healthy, so what only an outside makes healthy, such as an address of an Ingress, is in the last.
*/}}

{{/* Annotations of an object that has pods. dict part: a component */}}
{{- define "stack.annotations" -}}
{{- include "stack.scores" . }}
{{- if eq .part "schema" }}
argocd.argoproj.io/sync-wave: "1"
{{- else if not (has .part (list "postgresql" "s3")) }}
{{ include "stack.last" dict }}
{{- end }}
{{- end }}

{{/* Annotations of an object of the last wave; takes those that the values give it, which may name another. */}}
{{- define "stack.last" -}}
{{- mergeOverwrite (dict "argocd.argoproj.io/sync-wave" "2") . | toYaml }}
{{- end }}
