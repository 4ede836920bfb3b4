{{/* Variables of the stack: names and values that its settings know, each where it is read. */}}

{{/* What other values of the chart set, with the one to use. */}}
{{- define "stack.variables.reserved" -}}
RUN_EXECUTOR: codeLocations.<name>.executor
RUN_HIGH_MEMORY_RESOURCES: codeLocations.<name>.run.highMemoryResources
AWS_ENDPOINT_URL: s3.external.endpointUrl
AWS_ACCESS_KEY_ID: s3.external.accessKeyId
AWS_SECRET_ACCESS_KEY: s3.external.secretAccessKey
AWS_REGION: stack.region
AWS_DEFAULT_REGION: stack.region
DAGSTER_POSTGRES_URL: postgresql.external
DAGSTER_PG_PASSWORD: postgresql.external.password
DUCKLAKE_CATALOG_URL: postgresql.external.lakeCatalogUrl
DUCKLAKE_DATA_URL: stack.bucket and stack.prefix
BACKUP_URL: backup.url
BACKUP_KEEP_DAYS: backup.keepDays
BACKUP_RECIPIENT: backup.recipient
BACKUP_IDENTITY: restore.identitySecret
BACKUP_ENDPOINT_URL: backup.endpointUrl
BACKUP_REGION: backup.region
BACKUP_ACCESS_KEY_ID: backup.accessKeyId
BACKUP_SECRET_ACCESS_KEY: backup.secretAccessKey
BACKUP_FOLDERS: nothing, it is fixed
NOTIFY_URLS: observability.notify.urls
OBSERVE_HOST: nothing, it is fixed
OBSERVE_PORT: nothing, it is fixed
DAGSTER_HOME: nothing, it is fixed
STACK_HOME: nothing, it is fixed
HOME: nothing, it is fixed
TMPDIR: nothing, it is fixed
{{- end }}

{{/* A value as text: a whole number as its digits, which are a float to helm, 12345678 being 1.2345678e+07. */}}
{{- define "stack.text" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) }}{{ printf "%.0f" . }}{{ else }}{{ toString . }}{{ end -}}
{{- end }}

{{/* For containers that have none of the other variables. */}}
{{- define "stack.env.log" -}}
- {name: LOG_FORMAT, value: {{ tpl (include "stack.text" (default "json" .Values.stack.env.LOG_FORMAT)) . | quote }}}
{{- end }}

{{/* dict path, name (of the location, "" for all), variables, known */}}
{{- define "stack.validate.variables" -}}
{{- $given := . -}}
{{- $reserved := include "stack.variables.reserved" . | fromYaml -}}
{{- $others := list "HTTP_PROXY" "HTTPS_PROXY" "NO_PROXY" "TZ" "LANG" "LC_ALL" "SSL_CERT_FILE" "REQUESTS_CA_BUNDLE" "AWS_CA_BUNDLE" -}}
{{- range $name, $value := .variables }}
  {{- $path := printf "%s.%s" $given.path $name }}
  {{- if hasKey $reserved $name }}
    {{- fail (printf "%s: the chart sets that variable itself: use %s" $path (get $reserved $name)) }}
  {{- end }}
  {{- if and (kindIs "float64" $value) (or (hasSuffix ".secret" $given.path) (gt $value 1e15) (lt $value -1e15)) }}
    {{- fail (printf "%s is a number, of which YAML may have dropped digits: put it in quotes" $path) }}
  {{- end }}
  {{- if and (not (hasSuffix ".secret" $given.path)) (gt (len (splitList "{{" (toString $value))) (len (splitList "}}" (toString $value)))) }}
    {{- fail (printf "%s has {{ without }}, which ends a template: close it, or write {{ \"{{\" }} for the two characters" $path) }}
  {{- end }}
  {{- if and (hasSuffix ".secret" $given.path) (eq "" (toString $value)) }}
    {{- fail (printf "%s is empty: give it a value, or leave it out" $path) }}
  {{- end }}
  {{- $known := get $given.known $name }}
  {{- if not $known }}
    {{- $word := printf "%s_" (splitList "_" $name | first) }}
    {{- $alike := false }}
    {{- range $other, $_ := $given.known }}{{ if hasPrefix $word $other }}{{ $alike = true }}{{ end }}{{ end }}
    {{- if and (not (has (upper $name) $others)) (or $alike (not $given.name)) }}
      {{- fail (printf "%s: the stack has no such variable (.env.example lists them): correct it, or set a variable of another program in extraEnv" $path) }}
    {{- end }}
  {{- else }}
    {{- if and (has $given.name (list "ingestion" "transformation" "quality" "catalog" "observability")) (not (has "stack" $known.readBy)) (not (has $given.name $known.readBy)) }}
      {{- fail (printf "%s: only %s reads that variable: set it in %s%s" $path (join " and " $known.readBy) (ternary "" "codeLocations." (eq "observability" (first $known.readBy))) (first $known.readBy)) }}
    {{- end }}
    {{- include "stack.validate.value" (dict "path" $path "known" $known "text" (include "stack.text" $value) "isSecret" (hasSuffix ".secret" $given.path)) }}
  {{- end }}
{{- end }}
{{- end }}

{{/* What the settings would refuse once the pods are there; to them, an empty value is none. dict path, known, text, isSecret */}}
{{- define "stack.validate.value" -}}
{{- if and .text (not (contains "{{" .text)) -}}
{{- $is := ternary (printf "%s has a value that can't be right" .path) (printf "%s is %q" .path .text) .isSecret -}}
{{- with .known.values }}
  {{- $text := ternary (lower $.text) $.text (has "true" .) }}
  {{- if not (has $text .) }}
    {{- fail (printf "%s: expected one of %s" $is (join ", " .)) }}
  {{- end }}
{{- end }}
{{- with .known.number }}
  {{- if not (regexMatch (ternary "^-?[0-9]+$" "^-?[0-9]+([.][0-9]+)?$" (eq . "whole")) $.text) }}
    {{- fail (printf "%s: expected a %snumber" $is (ternary "whole " "" (eq . "whole"))) }}
  {{- end }}
  {{- $number := float64 $.text }}
  {{- if and (hasKey $.known "minimum") (lt $number (float64 $.known.minimum)) }}
    {{- fail (printf "%s: expected %v or more" $is $.known.minimum) }}
  {{- end }}
  {{- if and (hasKey $.known "above") (le $number (float64 $.known.above)) }}
    {{- fail (printf "%s: expected more than %v" $is $.known.above) }}
  {{- end }}
  {{- if and (hasKey $.known "maximum") (gt $number (float64 $.known.maximum)) }}
    {{- fail (printf "%s: expected %v or less" $is $.known.maximum) }}
  {{- end }}
{{- end }}
{{- with .known.pattern }}
  {{- if not (regexMatch . $.text) }}
    {{- fail (printf "%s, which does not match %s; it is: %s" $is . (get $.known "is")) }}
  {{- end }}
{{- end }}
{{- if .known.timezone }}
  {{- /* Unknown ones are UTC to Go, and so are all of them where the machine has no list. */}}
  {{- $isUTC := eq "UTC" (dateInZone "MST" now .text) }}
  {{- if and $isUTC (ne "UTC" (dateInZone "MST" now "Asia/Tokyo")) (not (has .text (list "UTC" "Etc/UTC" "UCT" "Etc/UCT" "Universal" "Etc/Universal" "Zulu" "Etc/Zulu"))) }}
    {{- fail (printf "%s: expected a name of the tz database such as Europe/Berlin" $is) }}
  {{- end }}
{{- end }}
{{- end -}}
{{- end }}
