{{/* The login of the UI, and where people reach it. */}}

{{/* Where it is opened from outside, without a path. */}}
{{- define "stack.front.origin" -}}
{{- if .Values.ingress.enabled -}}
{{ ternary "https" "http" (ne .Values.ingress.tlsSecret "") }}://{{ .Values.ingress.host }}
{{- else if .Values.httpRoute.enabled -}}
https://{{ first .Values.httpRoute.hostnames }}
{{- else -}}
http://localhost:3000
{{- end -}}
{{- end }}

{{/* Service that ingress leads to. */}}
{{- define "stack.front.service" -}}
{{ include "stack.fullname" . }}-{{ include "stack.network.front" . }}
{{- end }}

{{/* Port of the webserver's Service, which is the front's own where it is the front. */}}
{{- define "stack.webserver.port" -}}
{{ ternary .Values.webserver.service.port 80 (eq "webserver" (include "stack.network.front" .)) }}
{{- end }}

{{- define "stack.auth.secret" -}}
{{ include "stack.fullname" . }}-auth
{{- end }}

{{/* Secret of the provider's client. */}}
{{- define "stack.auth.client" -}}
{{ default (include "stack.auth.secret" .) .Values.auth.oidc.existingSecret }}
{{- end }}

{{- define "stack.auth.redirect" -}}
{{ default (printf "%s%s/oauth2/callback" (include "stack.front.origin" .) .Values.webserver.pathPrefix) .Values.auth.oidc.redirectUrl }}
{{- end }}

{{/* Changes with what the login's pods read: the chart's Secret, or your own as the cluster has it. */}}
{{- define "stack.auth.checksum" -}}
{{- $existing := ternary .Values.auth.oidc.existingSecret .Values.auth.basic.existingSecret (eq .Values.auth.mode "oidc") -}}
{{- $version := "" -}}
{{- with $existing }}{{ $version = ((lookup "v1" "Secret" $.Release.Namespace .).metadata).resourceVersion }}{{ end -}}
{{ printf "%s%v" (include (print $.Template.BasePath "/auth/secret.yaml") .) $version | sha256sum }}
{{- end }}

{{/* Variables of the webserver's login, as `pods.access` has them. */}}
{{- define "stack.auth.env" -}}
- {name: WEBSERVER_AUTH, value: {{ ternary "proxy" .Values.auth.mode (eq .Values.auth.mode "oidc") }}}
{{- if eq .Values.auth.mode "basic" }}
{{- $secret := default (include "stack.auth.secret" .) .Values.auth.basic.existingSecret }}
{{- range $role := list "admin" "operator" "viewer" }}
- name: WEBSERVER_{{ upper $role }}_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ $secret }}, key: {{ $role }}-password, optional: {{ ne $role "admin" }}}}
{{- end }}
{{- else if eq .Values.auth.mode "oidc" }}
- name: WEBSERVER_PROXY_SECRET
  valueFrom: {secretKeyRef: {name: {{ include "stack.auth.client" . }}, key: proxy-secret}}
- {name: WEBSERVER_ROLE_GROUPS, value: {{ toJson .Values.auth.oidc.roles | quote }}}
- {name: WEBSERVER_DEFAULT_ROLE, value: {{ .Values.auth.oidc.defaultRole | quote }}}
{{- end }}
{{- end }}

{{- define "stack.validate.auth" -}}
{{- $oidc := .Values.auth.oidc }}
{{- if eq .Values.auth.mode "oidc" }}
  {{- if not (and $oidc.issuerUrl $oidc.clientId) }}
    {{- fail "auth.mode is oidc, but auth.oidc.issuerUrl or auth.oidc.clientId is empty: name your provider and the client that is registered there" }}
  {{- end }}
  {{- if not (or $oidc.existingSecret $oidc.clientSecret) }}
    {{- fail "auth.mode is oidc, but the client has no secret: set auth.oidc.existingSecret or auth.oidc.clientSecret" }}
  {{- end }}
  {{- if and $oidc.existingSecret $oidc.clientSecret }}
    {{- fail "auth.oidc.existingSecret is set, but so is clientSecret: use the Secret or the value, not both" }}
  {{- end }}
{{- else if or $oidc.issuerUrl $oidc.clientId $oidc.clientSecret $oidc.existingSecret $oidc.redirectUrl $oidc.allowedGroups $oidc.roles.viewer $oidc.roles.operator $oidc.roles.admin }}
  {{- fail (printf "auth.oidc is set, but auth.mode is %s: set auth.mode=oidc, or leave auth.oidc empty" .Values.auth.mode) }}
{{- end }}
{{- if eq .Values.auth.mode "oidc" }}
  {{- $host := (urlParse (include "stack.auth.redirect" .)).host }}
  {{- if contains "*" $host }}
    {{- fail (printf "auth.mode is oidc, but the UI's host is %s: a provider sends users back to one name; put it first in httpRoute.hostnames (or ingress.host), or set auth.oidc.redirectUrl" $host) }}
  {{- end }}
{{- end }}
{{- if and .Values.auth.basic.existingSecret (ne .Values.auth.mode "basic") }}
  {{- fail (printf "auth.basic.existingSecret is set, but auth.mode is %s: set auth.mode=basic, or leave it empty" .Values.auth.mode) }}
{{- end }}
{{- end }}
