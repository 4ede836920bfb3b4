{{/*
What a person adds to the pods of a part. The API server would refuse a part of it, but only once the rest of the release is
there; an upgrade would stop half-way.
dict path, values, labels: that the chart itself gives the pods; containers and volumes: names of its own; mounts: where these
are; annotations: that it gives them; env: variables of the container, by the value to use instead
*/}}
{{- define "stack.validate.pod" -}}
{{- $given := . -}}
{{- $reserved := merge (dict) .env (include "stack.variables.reserved" . | fromYaml) -}}
{{- $path := printf "%s.extraEnv" .path -}}
{{- include "stack.validate.env" (dict "path" $path "env" .values.extraEnv) }}
{{- range .values.extraEnv }}
  {{- if hasKey $reserved .name }}
    {{- fail (printf "%s.extraEnv: the chart sets %s itself: use %s" $given.path .name (get $reserved .name)) }}
  {{- end }}
{{- end }}
{{- $volumes := dict -}}
{{- range .values.extraVolumes }}
  {{- if or (hasKey $volumes .name) (has .name $given.volumes) }}
    {{- fail (printf "%s.extraVolumes: the pod has a volume %s already: choose another name" $given.path .name) }}
  {{- end }}
  {{- $_ := set $volumes .name true }}
{{- end }}
{{- $names := concat .volumes (keys $volumes) -}}
{{- include "stack.validate.mounts" (dict "path" (printf "%s.extraVolumeMounts" .path) "mounts" .values.extraVolumeMounts "volumes" $names "taken" .mounts) }}
{{- range $kind := list "initContainers" "sidecars" }}
  {{- range index $given.values $kind }}
    {{- $path := printf "%s.%s, container %s," $given.path $kind .name }}
    {{- include "stack.validate.env" (dict "path" (printf "%s env" $path) "env" .env) }}
    {{- include "stack.validate.mounts" (dict "path" (printf "%s volumeMounts" $path) "mounts" .volumeMounts "volumes" $names "taken" list) }}
    {{- include "stack.validate.resources" (dict "path" (printf "%s resources" $path) "resources" (default dict .resources) "isOther" true) }}
  {{- end }}
{{- end }}
{{- include "stack.validate.scheduling" . }}
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
{{- range $annotation, $_ := .values.podAnnotations }}
  {{- if or (hasPrefix "checksum/" $annotation) (has $annotation $given.annotations) }}
    {{- fail (printf "%s.podAnnotations: the chart sets %s itself: choose another" $given.path $annotation) }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Variables in Kubernetes' format. dict path, env */}}
{{- define "stack.validate.env" -}}
{{- $given := . -}}
{{- $seen := dict -}}
{{- range .env }}
  {{- if hasKey $seen .name }}
    {{- fail (printf "%s has %s twice: leave one of them" $given.path .name) }}
  {{- end }}
  {{- if and .value .valueFrom }}
    {{- fail (printf "%s: %s has a value and a valueFrom: use one of them" $given.path .name) }}
  {{- end }}
  {{- $_ := set $seen .name true }}
{{- end }}
{{- end }}

{{/* dict path, mounts, volumes: their names; taken: paths */}}
{{- define "stack.validate.mounts" -}}
{{- $given := . -}}
{{- $paths := dict -}}
{{- range .taken }}{{ $_ := set $paths . true }}{{ end }}
{{- range .mounts }}
  {{- if not (has .name $given.volumes) }}
    {{- fail (printf "%s: the pod has no volume %s: add it to extraVolumes" $given.path .name) }}
  {{- end }}
  {{- $place := default "/" (trimSuffix "/" .mountPath) }}
  {{- if hasKey $paths $place }}
    {{- fail (printf "%s: something is mounted at %s already: choose another mountPath" $given.path .mountPath) }}
  {{- end }}
  {{- $_ := set $paths $place true }}
{{- end }}
{{- end }}

{{/* dict path, values */}}
{{- define "stack.validate.scheduling" -}}
{{- $given := . -}}
{{- range $number, $it := .values.tolerations }}
  {{- $path := printf "%s.tolerations[%d]" $given.path $number }}
  {{- $operator := default "Equal" .operator }}
  {{- if and (eq $operator "Exists") .value }}
    {{- fail (printf "%s has a value, but operator Exists tolerates any: leave the value out, or use Equal" $path) }}
  {{- end }}
  {{- if and (ne $operator "Exists") (not .key) }}
    {{- fail (printf "%s has no key: name the taint's, or use operator Exists" $path) }}
  {{- end }}
  {{- if and (hasKey . "tolerationSeconds") (ne (default "" .effect) "NoExecute") }}
    {{- fail (printf "%s has tolerationSeconds, which go with effect NoExecute only: set that, or leave them out" $path) }}
  {{- end }}
{{- end }}
{{- $seen := dict }}
{{- range $number, $it := .values.topologySpreadConstraints }}
  {{- $path := printf "%s.topologySpreadConstraints[%d]" $given.path $number }}
  {{- $key := printf "%s %s" .topologyKey .whenUnsatisfiable }}
  {{- if hasKey $seen $key }}
    {{- fail (printf "%s has the same topologyKey and whenUnsatisfiable as another: leave one of them" $path) }}
  {{- end }}
  {{- $_ := set $seen $key true }}
  {{- if and .minDomains (ne .whenUnsatisfiable "DoNotSchedule") }}
    {{- fail (printf "%s has minDomains, which go with whenUnsatisfiable DoNotSchedule only: set that, or leave them out" $path) }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "stack.validate.pods" -}}
{{- $own := list "scratch" "instance" "schema" -}}
{{- $mounts := list "/scratch" "/tmp" "/opt/dagster/home" "/opt/dagster/home/dagster.yaml" -}}
{{- $workspace := append $mounts "/opt/dagster/home/workspace.yaml" -}}
{{- $fixed := "nothing, it is fixed" -}}
{{- $env := dict
    "webserver" (dict "WEBSERVER_ALLOWED_HOSTS" "webserver.allowedHosts" "WEBSERVER_AUTH" "auth.mode" "WEBSERVER_ADMIN_PASSWORD" "auth.basic.existingSecret" "WEBSERVER_OPERATOR_PASSWORD" "auth.basic.existingSecret" "WEBSERVER_VIEWER_PASSWORD" "auth.basic.existingSecret" "WEBSERVER_PROXY_SECRET" "auth.oidc.existingSecret" "WEBSERVER_ROLE_GROUPS" "auth.oidc.roles" "WEBSERVER_DEFAULT_ROLE" "auth.oidc.defaultRole" "LOG_FORMAT" "stack.env.LOG_FORMAT")
    "daemon" (dict "DAGSTER_DAEMON_HEARTBEAT_TOLERANCE" "daemon.heartbeatToleranceSeconds" "LOG_FORMAT" "stack.env.LOG_FORMAT")
    "observability" (dict "UI_URL" "observability.env.UI_URL" "QUARANTINE_URL" "observability.env.QUARANTINE_URL" "OBSERVE_CERTIFICATES" "observability.env.OBSERVE_CERTIFICATES" "LAKE_PASSWORD" $fixed)
    "location" (dict "DAGSTER_CURRENT_IMAGE" $fixed "DAGSTER_CONTAINER_CONTEXT" $fixed "LAKE_PASSWORD" $fixed)
    "proxy" (dict "OAUTH2_PROXY_CLIENT_SECRET" "auth.oidc.existingSecret" "OAUTH2_PROXY_COOKIE_SECRET" "auth.oidc.existingSecret" "OAUTH2_PROXY_BASIC_AUTH_PASSWORD" "auth.oidc.existingSecret") -}}
{{- $waits := list "wait-for-schema" "wait-for-store" -}}
{{- range $part := list "webserver" "daemon" "observability" }}
  {{- $labels := include "stack.labels" (dict "root" $ "component" $part) | fromYaml }}
  {{- $volumes := $own }}
  {{- $annotations := list }}
  {{- if and (eq $part "observability") $.Values.observability.metrics.scrapeAnnotations }}
    {{- $annotations = list "prometheus.io/scrape" "prometheus.io/port" "prometheus.io/path" }}
  {{- end }}
  {{- if and (eq $part "observability") (include "stack.observability.certificate" $) }}
    {{- $volumes = append $own "certificate" }}
  {{- end }}
  {{- include "stack.validate.pod" (dict "path" $part "values" (get $.Values $part) "labels" $labels "containers" (append $waits $part) "volumes" $volumes "mounts" (ternary $mounts $workspace (eq $part "observability")) "annotations" $annotations "env" (get $env $part)) }}
{{- end }}
{{- $labels := include "stack.labels" (dict "root" . "component" "proxy") | fromYaml }}
{{- include "stack.validate.pod" (dict "path" "auth.oidc.proxy" "values" .Values.auth.oidc.proxy "labels" $labels "containers" (list "proxy") "volumes" list "mounts" list "annotations" list "env" $env.proxy) }}
{{- range $name := splitList "\n" (include "stack.locations" . | trim) }}
  {{- $location := include "stack.location" (dict "root" $ "name" $name) | fromYaml }}
  {{- $labels := mergeOverwrite (include "stack.labels" (dict "root" $ "component" $name) | fromYaml) (include "stack.location.labels" (dict "root" $ "name" $name) | fromYaml) }}
  {{- include "stack.validate.pod" (dict "path" (printf "codeLocations.%s" $name) "values" $location "labels" $labels "containers" (append $waits "code-server") "volumes" $own "mounts" $mounts "annotations" list "env" $env.location) }}
  {{- range $label, $_ := $location.run.labels }}
    {{- if hasKey $labels $label }}
      {{- fail (printf "codeLocations.%s.run.labels: the chart sets %s itself: choose another" $name $label) }}
    {{- end }}
  {{- end }}
{{- end }}
{{- $web := .Values.webserver }}
{{- $pods := int (ternary $web.autoscaling.minReplicas $web.replicas $web.autoscaling.enabled) }}
{{- $wanted := toString $web.podDisruptionBudget.minAvailable }}
{{- $kept := ternary (ceil (divf (mulf (trimSuffix "%" $wanted | float64) $pods) 100)) (float64 $wanted) (hasSuffix "%" $wanted) }}
{{- if and $web.podDisruptionBudget.enabled (gt $pods 1) (ge $kept (float64 $pods)) }}
  {{- fail (printf "webserver.podDisruptionBudget.minAvailable is %s of %d pods, so that no node could be drained: lower it" $wanted $pods) }}
{{- end }}
{{- range $path, $labels := dict "podMonitor" .Values.observability.podMonitor.labels "serviceMonitor" .Values.observability.serviceMonitor.labels "prometheusRule" .Values.observability.prometheusRule.labels "dashboards" .Values.observability.dashboards.labels }}
  {{- range $label, $_ := include "stack.labels" (dict "root" $ "component" "observability") | fromYaml }}
    {{- if hasKey $labels $label }}
      {{- fail (printf "observability.%s.labels: the chart sets %s itself: choose another" $path $label) }}
    {{- end }}
  {{- end }}
{{- end }}
{{- if and .Values.helmTest.enabled (not (hasKey .Values.codeLocations .Values.helmTest.location)) }}
  {{- fail (printf "helmTest.location is %s, which is none of codeLocations: name one of them, or set helmTest.enabled=false" .Values.helmTest.location) }}
{{- end }}
{{- end }}
