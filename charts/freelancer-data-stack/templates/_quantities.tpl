{{/* Amounts of Kubernetes compared: a limit below its request is refused by the API server. */}}

{{/* An amount as a number: of cpu in thousandths, of anything else in bytes. dict kind, amount */}}
{{- define "stack.quantity" -}}
{{- $text := toString .amount -}}
{{- $unit := regexFind "[A-Za-z]*$" $text -}}
{{- $number := float64 (trimSuffix $unit $text) -}}
{{- if eq .kind "cpu" -}}
{{ ternary $number (mulf $number 1000) (eq $unit "m") }}
{{- else -}}
{{- $factors := dict "" 1 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 "Pi" 1125899906842624 -}}
{{ mulf $number (get $factors $unit) }}
{{- end -}}
{{- end }}

{{/* dict path, resources */}}
{{- define "stack.validate.resources" -}}
{{- $path := .path -}}
{{- $requests := default dict .resources.requests -}}
{{- $limits := default dict .resources.limits -}}
{{- range $kind, $limit := $limits }}
  {{- if and (hasKey $requests $kind) (has $kind (list "cpu" "memory" "ephemeral-storage")) }}
    {{- $request := get $requests $kind }}
    {{- if lt (float64 (include "stack.quantity" (dict "kind" $kind "amount" $limit))) (float64 (include "stack.quantity" (dict "kind" $kind "amount" $request))) }}
      {{- fail (printf "%s.limits.%s is %v, less than requests.%s, which is %v: raise the limit or lower the request" $path $kind $limit $kind $request) }}
    {{- end }}
  {{- end }}
{{- end }}
{{- end }}

{{/*
Resources of a container, with the node's disk beside: what its scratch volume may hold, and a gibibyte for logs and what is
in no volume. dict resources, scratch: the volume's size
*/}}
{{- define "stack.resources" -}}
{{- $limit := addf (include "stack.quantity" (dict "kind" "storage" "amount" .scratch) | float64) 1073741824 | int64 -}}
{{- $resources := deepCopy .resources -}}
{{- with $resources.requests }}
  {{- if not (hasKey . "ephemeral-storage") }}{{ $_ := set . "ephemeral-storage" "64Mi" }}{{ end }}
{{- end }}
{{- with $resources.limits }}
  {{- if not (hasKey . "ephemeral-storage") }}{{ $_ := set . "ephemeral-storage" (printf "%dMi" (div $limit 1048576)) }}{{ end }}
{{- end }}
{{- toYaml $resources }}
{{- end }}
