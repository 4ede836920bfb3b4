{{/* Who may reach whom. Every policy is made from what is said here. */}}

{{/* The part that ingress leads to. */}}
{{- define "stack.network.front" -}}
{{ ternary "proxy" "webserver" (eq (toString (default dict .Values.auth).mode) "oidc") }}
{{- end }}

{{/* What each part opens connections to, beside DNS. A location's code server and runs are one part. */}}
{{- define "stack.network.parts" -}}
{{- if eq (include "stack.network.front" .) "proxy" }}
proxy: [webserver, issuer]
{{- end }}
webserver: [postgresql, s3, code-servers, kubernetes]
daemon: [postgresql, code-servers, kubernetes{{ ternary ", s3" "" .Values.s3.enabled }}]
schema: [postgresql{{ ternary ", s3" "" .Values.s3.enabled }}]
{{- if include "stack.observability.isMade" . }}
observability: [postgresql, s3, messages]
{{- end }}
{{- if include "stack.sampleData.isMade" . }}
sample-data: [s3]
{{- end }}
{{- if include "stack.trial.isMade" . }}
trial: [postgresql, code-servers, webserver]
{{- end }}
{{- if include "stack.backup.isMade" . }}
backup: [postgresql, s3, backups]
{{- end }}
{{- if include "stack.restore.isMade" . }}
restore: [postgresql, s3, backups]
{{- end }}
{{- end }}

{{/* Labels of a part's pods. dict root, component */}}
{{- define "stack.network.pods" -}}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* Peers that open connections to `target`. dict root, target */}}
{{- define "stack.network.clients" -}}
{{- $components := list }}
{{- range $component, $targets := include "stack.network.parts" .root | fromYaml }}
{{- if has $.target $targets }}{{ $components = append $components $component }}{{ end }}
{{- end }}
- podSelector:
    matchLabels: {app.kubernetes.io/instance: {{ .root.Release.Name }}}
    matchExpressions:
      - {key: app.kubernetes.io/component, operator: In, values: {{ toJson $components }}}
{{- if has .target (list "postgresql" "s3") }}
- podSelector:
    matchLabels: {app.kubernetes.io/instance: {{ .root.Release.Name }}}
    matchExpressions:
      - {key: freelancer-data-stack/location, operator: Exists}
{{- end }}
{{- end }}

{{/* Egress to one target. dict root, target */}}
{{- define "stack.network.to" -}}
{{- $values := .root.Values -}}
{{- $own := dict
    "webserver" (list "webserver" 3000)
    "code-servers" (list "code-location" 4000)
    "postgresql" (list "postgresql" 5432)
    "s3" (list "s3" 8333) }}
{{- if eq .target "kubernetes" }}
- ports: # of the API server, whose address a chart can't know
    {{- range $values.networkPolicy.apiServerPorts }}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
{{- else if eq .target "issuer" }}
{{ include "stack.network.url" (dict "root" .root "url" (default "" (default dict $values.auth.oidc).issuerUrl)) }}
{{- else if eq .target "messages" }}
{{- include "stack.network.proxies" (dict "root" .root "variables" (mergeOverwrite (deepCopy $values.stack.env) $values.observability.env)) }}
{{- with $values.observability.notify.egress }}
{{ toYaml . }}
{{- end }}
{{- else if eq .target "backups" }}
{{- if or $values.backup.endpointUrl $values.backup.existingSecret $values.backup.accessKeyId }}
{{ include "stack.network.url" (dict "root" .root "url" (default "https://s3.amazonaws.com" $values.backup.endpointUrl)) }}
{{- end }}
{{- else if and (eq .target "postgresql") (not $values.postgresql.enabled) }}
{{- $external := $values.postgresql.external }}
{{ include "stack.network.server" (dict "root" .root "host" $external.host "port" $external.port) }}
{{- with $external.lakeCatalogUrl }}
{{ include "stack.network.url" (dict "root" $.root "url" .) }}
{{- end }}
{{- else if and (eq .target "s3") (not $values.s3.enabled) }}
{{ include "stack.network.url" (dict "root" .root "url" (default "https://s3.amazonaws.com" $values.s3.external.endpointUrl)) }}
{{- if not (or $values.s3.external.existingSecret $values.s3.external.accessKeyId) }}
- ports: # where a role gives access: the cloud's token service, and a node's
    - {protocol: TCP, port: 443}
- to:
    - ipBlock: {cidr: 169.254.0.0/16}
    - ipBlock: {cidr: "fd00:ec2::/32"}
{{- end }}
{{- else }}
- to:
    - podSelector:
        matchLabels: {{- include "stack.network.pods" (dict "root" .root "component" (index $own .target | first)) | nindent 10 }}
  ports:
    - {protocol: TCP, port: {{ index $own .target | last }}}
{{- end }}
{{- end }}

{{/*
Egress to a server outside of the release: by its address, or by its port where it has a name. The name of a Service stands
for pods of its namespace, whose ports may be others than the Service's. dict root, host, port
*/}}
{{- define "stack.network.server" -}}
{{- $labels := splitList "." (trimSuffix "." .host | trimSuffix ".cluster.local") }}
{{- if and (eq (len $labels) 3) (eq (last $labels) "svc") }}
- to:
    - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: {{ index $labels 1 }}}}
      podSelector: {{- include "stack.network.others" .root | nindent 8 }}
{{- else if and (eq (len $labels) 1) (not (contains ":" .host)) }}
- to:
    - podSelector: {{- include "stack.network.others" .root | nindent 8 }}
{{- end }}
- ports:
    - {protocol: TCP, port: {{ .port }}}
  {{- if regexMatch "^[0-9]+(\\.[0-9]+){3}$" .host }}
  to:
    - ipBlock: {cidr: {{ .host }}/32}
  {{- else if contains ":" .host }}
  to:
    - ipBlock: {cidr: "{{ trimAll "[]" .host }}/128"}
  {{- end }}
{{- end }}

{{/* Pods that aren't the release's. */}}
{{- define "stack.network.others" -}}
matchExpressions:
  - {key: app.kubernetes.io/instance, operator: NotIn, values: [{{ .Release.Name }}]}
{{- end }}

{{/* The same by URL; that of a proxy may have no scheme. dict root, url */}}
{{- define "stack.network.url" -}}
{{- $url := urlParse (ternary .url (printf "http://%s" .url) (contains "://" .url)) -}}
{{- $port := regexFind ":[0-9]+$" $url.host -}}
{{- $usual := dict "http" 80 "https" 443 "postgresql" 5432 "postgres" 5432 -}}
{{- include "stack.network.server" (dict "root" .root "host" (trimSuffix $port $url.host) "port" (default (get $usual $url.scheme) (trimPrefix ":" $port))) -}}
{{- end }}

{{/* Egress to the proxies that variables name. dict root, variables */}}
{{- define "stack.network.proxies" -}}
{{- range $name := list "HTTP_PROXY" "HTTPS_PROXY" "http_proxy" "https_proxy" }}
{{- with get $.variables $name }}
{{ include "stack.network.url" (dict "root" $.root "url" (tpl (include "stack.text" .) $.root)) }}
{{- end }}
{{- end }}
{{- end }}

{{/* Egress of a location: the stores, what its variables name, and what its values add. dict root, location */}}
{{- define "stack.network.location" -}}
{{- range $target := list "postgresql" "s3" }}
{{ include "stack.network.to" (dict "root" $.root "target" $target) | trim }}
{{- end }}
{{- $variables := mergeOverwrite (deepCopy .root.Values.stack.env) .location.env .location.secret }}
{{- range $name := list "DATAHUB_GMS_URL" "OTEL_EXPORTER_OTLP_ENDPOINT" }}
{{- with get $variables $name }}
{{ include "stack.network.url" (dict "root" $.root "url" (tpl (include "stack.text" .) $.root)) }}
{{- end }}
{{- end }}
{{- include "stack.network.proxies" (dict "root" .root "variables" $variables) }}
{{- with .location.egress }}
{{ toYaml . }}
{{- end }}
{{- end }}
