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

{{/* dict path, resources, isOther: of a container that isn't the stack's, and may be small */}}
{{- define "stack.validate.resources" -}}
{{- $path := .path -}}
{{- $isOther := .isOther -}}
{{- $requests := default dict .resources.requests -}}
{{- $limits := default dict .resources.limits -}}
{{- range $part, $amounts := dict "requests" $requests "limits" $limits }}
  {{- range $kind, $amount := $amounts }}
    {{- if and (eq $kind "cpu") (ge (float64 (include "stack.quantity" (dict "kind" $kind "amount" $amount))) 256e3) }}
      {{- fail (printf "%s.%s.cpu is %v, that many whole cores: write %vm for thousandths" $path $part $amount $amount) }}
    {{- end }}
    {{- if and (eq $kind "memory") (not $isOther) (lt (float64 (include "stack.quantity" (dict "kind" $kind "amount" $amount))) 16777216.0) }}
      {{- fail (printf "%s.%s.memory is %v, in which no program starts: write it in Mi or Gi" $path $part $amount) }}
    {{- end }}
    {{- if or (contains "/" $kind) (hasPrefix "hugepages-" $kind) }}
      {{- $limit := get $limits $kind | toString }}
      {{- if ne $limit (get (mergeOverwrite (dict) $limits $requests) $kind | toString) }}
        {{- fail (printf "%s.requests.%s is not limits.%s, and Kubernetes can't lend that resource: give both the same amount, or the limit alone" $path $kind $kind) }}
      {{- end }}
    {{- end }}
  {{- end }}
{{- end }}
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
{{- $disk := "ephemeral-storage" -}}
{{- $requested := default "64Mi" (get (default dict .resources.requests) $disk) -}}
{{- $limited := default (printf "%dMi" (div $limit 1048576)) (get (default dict .resources.limits) $disk) -}}
{{- /* Of the two, the one that is given holds. */}}
{{- if gt (include "stack.quantity" (dict "kind" $disk "amount" $requested) | float64) (include "stack.quantity" (dict "kind" $disk "amount" $limited) | float64) }}
  {{- if hasKey (default dict .resources.requests) $disk }}{{ $limited = $requested }}{{ else }}{{ $requested = $limited }}{{ end }}
{{- end }}
{{- with $resources.requests }}{{ $_ := set . $disk $requested }}{{ end }}
{{- with $resources.limits }}{{ $_ := set . $disk $limited }}{{ end }}
{{- toYaml $resources }}
{{- end }}
