{{/*
What a person adds to the pods of a part. The API server would refuse a part of it, but only once the rest of the release is
there; an upgrade would stop half-way.
dict path, values, labels: that the chart itself gives the pods; containers and volumes: names of its own
*/}}
{{- define "stack.validate.pod" -}}
{{- $given := . -}}
{{- $reserved := include "stack.variables.reserved" . | fromYaml -}}
{{- $seen := dict -}}
{{- range .values.extraEnv }}
  {{- if hasKey $seen .name }}
    {{- fail (printf "%s.extraEnv has %s twice: leave one of them" $given.path .name) }}
  {{- end }}
  {{- if hasKey $reserved .name }}
    {{- fail (printf "%s.extraEnv: the chart sets %s itself: use %s" $given.path .name (get $reserved .name)) }}
  {{- end }}
  {{- $_ := set $seen .name true }}
{{- end }}
{{- $volumes := dict -}}
{{- range .values.extraVolumes }}
  {{- if or (hasKey $volumes .name) (has .name $given.volumes) }}
    {{- fail (printf "%s.extraVolumes: the pod has a volume %s already: choose another name" $given.path .name) }}
  {{- end }}
  {{- $_ := set $volumes .name true }}
{{- end }}
{{- range .values.extraVolumeMounts }}
  {{- if not (or (hasKey $volumes .name) (has .name $given.volumes)) }}
    {{- fail (printf "%s.extraVolumeMounts: the pod has no volume %s: add it to extraVolumes" $given.path .name) }}
  {{- end }}
{{- end }}
{{- $containers := dict -}}
{{- range concat (default list .values.initContainers) (default list .values.sidecars) }}
  {{- if or (hasKey $containers .name) (has .name $given.containers) }}
    {{- fail (printf "%s: the pod has a container %s already: choose another name in initContainers or sidecars" $given.path .name) }}
  {{- end }}
  {{- $_ := set $containers .name true }}
{{- end }}
{{- range $label, $_ := .values.podLabels }}
  {{- if hasKey $given.labels $label }}
    {{- fail (printf "%s.podLabels: the chart sets %s itself, its Services find the pods by it: choose another" $given.path $label) }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "stack.validate.pods" -}}
{{- $own := list "scratch" "instance" "schema" -}}
{{- $waits := list "wait-for-schema" "wait-for-store" -}}
{{- range $part := list "webserver" "daemon" "observability" }}
  {{- $labels := include "stack.labels" (dict "root" $ "component" $part) | fromYaml }}
  {{- $volumes := $own }}
  {{- if and (eq $part "observability") (include "stack.observability.certificate" $) }}
    {{- $volumes = append $own "certificate" }}
  {{- end }}
  {{- include "stack.validate.pod" (dict "path" $part "values" (get $.Values $part) "labels" $labels "containers" (append $waits $part) "volumes" $volumes) }}
{{- end }}
{{- $labels := include "stack.labels" (dict "root" . "component" "proxy") | fromYaml }}
{{- include "stack.validate.pod" (dict "path" "auth.oidc.proxy" "values" .Values.auth.oidc.proxy "labels" $labels "containers" (list "proxy") "volumes" list) }}
{{- range $name := splitList "\n" (include "stack.locations" . | trim) }}
  {{- $location := include "stack.location" (dict "root" $ "name" $name) | fromYaml }}
  {{- $labels := mergeOverwrite (include "stack.labels" (dict "root" $ "component" $name) | fromYaml) (include "stack.location.labels" (dict "root" $ "name" $name) | fromYaml) }}
  {{- include "stack.validate.pod" (dict "path" (printf "codeLocations.%s" $name) "values" $location "labels" $labels "containers" (append $waits "code-server") "volumes" $own) }}
{{- end }}
{{- $web := .Values.webserver }}
{{- $pods := int (ternary $web.autoscaling.minReplicas $web.replicas $web.autoscaling.enabled) }}
{{- if and $web.podDisruptionBudget.enabled (gt $pods 1) (ge (int $web.podDisruptionBudget.minAvailable) $pods) }}
  {{- fail (printf "webserver.podDisruptionBudget.minAvailable is %d of %d pods, so that no node could be drained: lower it" (int $web.podDisruptionBudget.minAvailable) $pods) }}
{{- end }}
{{- if not (hasKey .Values.codeLocations .Values.helmTest.location) }}
  {{- fail (printf "helmTest.location is %s, which is none of codeLocations: name one of them" .Values.helmTest.location) }}
{{- end }}
{{- end }}
