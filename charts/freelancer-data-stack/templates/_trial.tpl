{{/* Whether `helm test` has something to try: its job's location must run. */}}
{{- define "stack.trial.isMade" -}}
{{- if and .Values.helmTest.enabled (has .Values.helmTest.location (splitList "\n" (include "stack.locations" . | trim))) }}true{{ end -}}
{{- end }}
