{{/* Values that contradict each other, said before anything is made of them. */}}
{{- define "stack.validate" -}}
{{- include "stack.validate.missing" . }}
{{- $pg := .Values.postgresql.external -}}
{{- $s3 := .Values.s3.external -}}
{{- if .Values.postgresql.enabled }}
  {{- if or $pg.host $pg.password $pg.existingSecret $pg.lakeCatalogUrl $pg.params }}
    {{- fail "postgresql.enabled is true, but postgresql.external is set too: set postgresql.enabled=false to use your own Postgres, or leave postgresql.external empty" }}
  {{- end }}
{{- else }}
  {{- if not $pg.host }}
    {{- fail "postgresql.enabled is false, but postgresql.external.host is empty: name the host of your Postgres, or set postgresql.enabled=true" }}
  {{- end }}
  {{- if and $pg.existingSecret (or $pg.password $pg.lakeCatalogUrl) }}
    {{- fail "postgresql.external.existingSecret is set, but so is password or lakeCatalogUrl: use the Secret or the values, not both" }}
  {{- end }}
  {{- if not (or $pg.existingSecret (and $pg.password $pg.lakeCatalogUrl)) }}
    {{- fail "postgresql.external has no credentials: set existingSecret, or both password and lakeCatalogUrl" }}
  {{- end }}
{{- end }}
{{- if .Values.s3.enabled }}
  {{- if or $s3.endpointUrl $s3.accessKeyId $s3.secretAccessKey $s3.existingSecret }}
    {{- fail "s3.enabled is true, but s3.external is set too: set s3.enabled=false to use your own store, or leave s3.external empty" }}
  {{- end }}
{{- else }}
  {{- include "stack.validate.keys" (dict "path" "s3.external" "values" $s3) }}
{{- end }}
{{- include "stack.validate.names" . }}
{{- include "stack.validate.images" . }}
{{- include "stack.validate.urls" . }}
{{- include "stack.validate.credentials" . }}
{{- include "stack.validate.auth" . }}
{{- include "stack.validate.backup" . }}
{{- include "stack.validate.observability" . }}
{{- include "stack.validate.pods" . }}
{{- $scaling := .Values.webserver.autoscaling }}
{{- if and $scaling.enabled (gt (int $scaling.minReplicas) (int $scaling.maxReplicas)) }}
  {{- fail (printf "webserver.autoscaling.minReplicas is %d, more than maxReplicas, which is %d: lower it or raise maxReplicas" (int $scaling.minReplicas) (int $scaling.maxReplicas)) }}
{{- end }}
{{- if and $scaling.enabled (not (or (default dict .Values.webserver.resources.requests).cpu (default dict .Values.webserver.resources.limits).cpu)) }}
  {{- fail "webserver.autoscaling.enabled is true, but webserver.resources.requests.cpu is empty, of which its target is a share: set it, such as 100m" }}
{{- end }}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) }}
  {{- fail "ingress.enabled is true, but ingress.host is empty: name the host of the UI" }}
{{- end }}
{{- if and .Values.httpRoute.enabled (not (and .Values.httpRoute.hostnames .Values.httpRoute.parentRefs)) }}
  {{- fail "httpRoute.enabled is true, but httpRoute.hostnames or httpRoute.parentRefs is empty: name the UI's host and its Gateway" }}
{{- end }}
{{- if and .Values.service.ipFamilies (not .Values.service.ipFamilyPolicy) (gt (len .Values.service.ipFamilies) 1) }}
  {{- fail "service.ipFamilies has two families, but service.ipFamilyPolicy is empty: set it to PreferDualStack or RequireDualStack, or name one family" }}
{{- end }}
{{- if and (eq .Values.service.ipFamilyPolicy "SingleStack") (gt (len .Values.service.ipFamilies) 1) }}
  {{- fail "service.ipFamilies has two families, but service.ipFamilyPolicy is SingleStack: name one family, or set PreferDualStack" }}
{{- end }}
{{- range $part := list "webserver" "daemon" "observability" "schema" "helmTest" "backup" "postgresql" "s3" }}
  {{- include "stack.validate.resources" (dict "path" (printf "%s.resources" $part) "resources" (get $.Values $part).resources) }}
{{- end }}
{{- include "stack.validate.resources" (dict "path" "auth.oidc.proxy.resources" "resources" .Values.auth.oidc.proxy.resources) }}
{{- range $name, $_ := .Values.codeLocations }}
  {{- $location := include "stack.location" (dict "root" $ "name" $name) | fromYaml }}
  {{- range $part, $resources := dict "resources" $location.resources "run.resources" $location.run.resources "run.highMemoryResources" $location.run.highMemoryResources }}
    {{- include "stack.validate.resources" (dict "path" (printf "codeLocations.%s.%s" $name $part) "resources" $resources) }}
  {{- end }}
{{- end }}
{{- include "stack.validate.cron" (dict "path" "backup.schedule" "cron" .Values.backup.schedule) }}
{{- include "stack.validate.cron" (dict "path" "backup.testSchedule" "cron" .Values.backup.testSchedule) }}
{{- include "stack.validate.objects" . }}
{{- $known := .Files.Get "files/variables.yaml" | fromYaml }}
{{- include "stack.validate.variables" (dict "path" "stack.env" "name" "" "variables" .Values.stack.env "known" $known) }}
{{- include "stack.validate.dev" . }}
{{- if not (include "stack.locations" . | trim) }}
  {{- fail "codeLocations has no enabled entry: enable at least one" }}
{{- end }}
{{- include "stack.validate.egress" (dict "path" "networkPolicy.extraEgress" "rules" .Values.networkPolicy.extraEgress) }}
{{- include "stack.validate.egress" (dict "path" "observability.notify.egress" "rules" .Values.observability.notify.egress) }}
{{- range $name := splitList "\n" (include "stack.locations" . | trim) }}
  {{- if has $name (list "dagster" "webserver" "daemon" "observability" "schema" "sample-data" "instance" "env" "backup" "restore" "proxy" "trial" "auth" "runs" "postgresql" "s3") }}
    {{- fail (printf "codeLocations.%s: that name is taken by another part of the release: choose another" $name) }}
  {{- end }}
  {{- $location := include "stack.location" (dict "root" $ "name" $name) | fromYaml }}
  {{- $path := printf "codeLocations.%s" $name }}
  {{- include "stack.validate.egress" (dict "path" (printf "%s.egress" $path) "rules" $location.egress) }}
  {{- range $part := list "env" "secret" }}
    {{- include "stack.validate.variables" (dict "path" (printf "%s.%s" $path $part) "name" $name "variables" (get $location $part) "known" $known) }}
  {{- end }}
  {{- range $variable, $_ := $location.secret }}
    {{- if hasKey $location.env $variable }}
      {{- fail (printf "%s has %s in env and in secret: use one of them" $path $variable) }}
    {{- end }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Code that is synced is for trying it out, by one code server of each location. */}}
{{- define "stack.validate.dev" -}}
{{- if .Values.stack.dev.sync }}
  {{- range $name := splitList "\n" (include "stack.locations" . | trim) }}
    {{- $location := include "stack.location" (dict "root" $ "name" $name) | fromYaml }}
    {{- $env := mergeOverwrite (dict "DAGSTER_ENV" "prod") $.Values.stack.env $location.env $location.secret }}
    {{- if eq (tpl (toString $env.DAGSTER_ENV) $) "prod" }}
      {{- fail (printf "stack.dev.sync is true, but DAGSTER_ENV of %s is prod, where code comes with images only: set stack.env.DAGSTER_ENV=dev, or stack.dev.sync=false" $name) }}
    {{- end }}
    {{- if gt (int $location.replicas) 1 }}
      {{- fail (printf "stack.dev.sync is true, but codeLocations.%s.replicas is %d: code is synced to one; set 1" $name (int $location.replicas)) }}
    {{- end }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Keys of an S3 store. dict path, values */}}
{{- define "stack.validate.keys" -}}
{{- if and .values.existingSecret (or .values.accessKeyId .values.secretAccessKey) }}
  {{- fail (printf "%s.existingSecret is set, but so is accessKeyId or secretAccessKey: use the Secret or the values, not both" .path) }}
{{- end }}
{{- if ne (empty .values.accessKeyId) (empty .values.secretAccessKey) }}
  {{- fail (printf "%s.accessKeyId and %s.secretAccessKey go together: set both or neither" .path .path) }}
{{- end }}
{{- end }}

{{/*
The schema leaves this to files/required.yaml, so that an upgrade with the values of an older version hears what to do. Of a part
that is missing, no key is named.
*/}}
{{- define "stack.validate.missing" -}}
{{- $missing := list }}
{{- range $path := .Files.Get "files/required.yaml" | fromYamlArray }}
  {{- $value := $.Values }}
  {{- $isWhole := true }}
  {{- range splitList "." $path }}
    {{- if kindIs "map" $value }}{{ $value = index $value . }}{{ else }}{{ $isWhole = false }}{{ end }}
  {{- end }}
  {{- if and $isWhole (kindIs "invalid" $value) }}{{ $missing = append $missing $path }}{{ end }}
{{- end }}
{{- with $missing }}
  {{- fail (printf "%s: null or missing: leave it out of your values to have the default; an upgrade with --reuse-values lacks what is new: use --reset-then-reuse-values" (join ", " .)) }}
{{- end }}
{{- end }}

{{/* Services of old Kubernetes need a letter first, and none takes a dot. */}}
{{- define "stack.validate.names" -}}
{{- $name := include "stack.fullname" . }}
{{- if not (regexMatch "^[a-z][a-z0-9-]*$" $name) }}
  {{- fail (printf "fullnameOverride is empty, and the release's name makes %s of the objects' names, which must begin with a letter and have no dot: set fullnameOverride, or choose another name for the release" $name) }}
{{- end }}
{{- end }}

{{- define "stack.validate.images" -}}
{{- range $path, $image := dict "postgresql.image" .Values.postgresql.image "s3.image" .Values.s3.image "auth.oidc.proxy.image" .Values.auth.oidc.proxy.image }}
  {{- if not (or $image.tag $image.digest) }}
    {{- fail (printf "%s.tag and %s.digest are both empty: set one of them" $path $path) }}
  {{- end }}
{{- end }}
{{- end }}

{{/* URLs that others of the chart's templates take apart. */}}
{{- define "stack.validate.urls" -}}
{{- /* Not by the schema, whose complaints show the whole of them. */}}
{{- $lake := .Values.postgresql.external.lakeCatalogUrl }}
{{- if and $lake (not (regexMatch "^postgres(ql)?://" $lake)) }}
  {{- fail "postgresql.external.lakeCatalogUrl doesn't begin with postgresql://: write postgresql://user:password@host/database" }}
{{- end }}
{{- include "stack.validate.url" (dict "path" "postgresql.external.lakeCatalogUrl" "url" $lake) }}
{{- range $number, $url := .Values.observability.notify.urls }}
  {{- if not (regexMatch "^([a-z]+=)?[A-Za-z0-9]+://\\S+$" $url) }}
    {{- fail (printf "observability.notify.urls[%d] is no URL of Apprise: write one such as mailtos://user:password@example.org, maybe with error= or warning= before it" $number) }}
  {{- end }}
{{- end }}
{{- if hasSuffix "/.well-known/openid-configuration" .Values.auth.oidc.issuerUrl }}
  {{- fail "auth.oidc.issuerUrl ends with /.well-known/openid-configuration, which is looked for below the issuer: leave that out" }}
{{- end }}
{{- $given := dict "stack.env" .Values.stack.env "observability.env" .Values.observability.env }}
{{- range $name := splitList "\n" (include "stack.locations" . | trim) }}
  {{- if $name }}
    {{- $location := include "stack.location" (dict "root" $ "name" $name) | fromYaml }}
    {{- $_ := set $given (printf "codeLocations.%s.env" $name) $location.env }}
    {{- $_ := set $given (printf "codeLocations.%s.secret" $name) $location.secret }}
  {{- end }}
{{- end }}
{{- range $path, $variables := $given }}
  {{- range $name := list "DATAHUB_GMS_URL" "OTEL_EXPORTER_OTLP_ENDPOINT" "HTTP_PROXY" "HTTPS_PROXY" "http_proxy" "https_proxy" }}
    {{- include "stack.validate.url" (dict "path" (printf "%s.%s" $path $name) "url" (tpl (include "stack.text" (default "" (get $variables $name))) $)) }}
  {{- end }}
{{- end }}
{{- end }}

{{/* dict path, url: one that may lack a scheme, and may hold a password, so it isn't shown */}}
{{- define "stack.validate.url" -}}
{{- if and .url (not (regexMatch "^([a-z]+://)?(([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*@)?(([A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.]+\\])(:[0-9]{1,5})?,?)+([/?#]([^%\\s]|%[0-9A-Fa-f]{2})*)?$" .url)) }}
  {{- fail (printf "%s is no URL that a program can read: write scheme://host:port, with user:password@ before the host if need be, and what is special in them quoted, as %%40 for @" .path) }}
{{- end }}
{{- end }}

{{/* Ranges that end before they begin; the schema sees the rest. dict path, cron */}}
{{- define "stack.validate.cron" -}}
{{- $path := .path }}
{{- $names := splitList " " "sun mon tue wed thu fri sat" }}
{{- $months := splitList " " "- jan feb mar apr may jun jul aug sep oct nov dec" }}
{{- range $range := regexFindAll "[0-9A-Za-z]+-[0-9A-Za-z]+" .cron -1 }}
  {{- $ends := list }}
  {{- range $end := splitList "-" (lower $range) }}
    {{- $number := $end }}
    {{- range $index, $name := $names }}{{ if eq $name $end }}{{ $number = $index }}{{ end }}{{ end }}
    {{- range $index, $name := $months }}{{ if eq $name $end }}{{ $number = $index }}{{ end }}{{ end }}
    {{- $ends = append $ends (float64 $number) }}
  {{- end }}
  {{- if gt (first $ends) (last $ends) }}
    {{- fail (printf "%s has the range %s, which ends before it begins: write two, such as FRI-SAT,SUN-MON" $path $range) }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Objects that are written as text. */}}
{{- define "stack.validate.objects" -}}
{{- range $number, $object := .Values.extraObjects }}
  {{- if kindIs "string" $object }}
    {{- range regexSplit "(?m)^---.*$" (tpl $object $) -1 }}
      {{- if trim . }}
        {{- $made := fromYaml . }}
        {{- if not (and $made.apiVersion $made.kind (kindIs "map" $made.metadata) (default dict $made.metadata).name) }}
          {{- fail (printf "extraObjects[%d] is no object of Kubernetes: it needs apiVersion, kind and metadata.name" $number) }}
        {{- end }}
      {{- end }}
    {{- end }}
  {{- end }}
{{- end }}
{{- end }}

{{/* dict path, rules */}}
{{- define "stack.validate.egress" -}}
{{- $path := .path }}
{{- range .rules }}
  {{- range .ports }}
    {{- if .endPort }}
      {{- if not (kindIs "float64" .port) }}
        {{- fail (printf "%s has an endPort, but its port is a name: give the first port of the range as a number" $path) }}
      {{- end }}
      {{- if lt (int .endPort) (int .port) }}
        {{- fail (printf "%s has endPort %d, less than its port %d: put the lower one first" $path (int .endPort) (int .port)) }}
      {{- end }}
    {{- end }}
  {{- end }}
{{- end }}
{{- end }}
