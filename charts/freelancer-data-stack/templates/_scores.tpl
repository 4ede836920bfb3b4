{{/*
What kube-score and checkov are told to leave out, and why. They read it from annotations; those of the object, so that a
change starts no pod anew. dict part: a component
*/}}
{{- define "stack.scores" -}}
{{- $score := dict
    "container-image-pull-policy" "an image that is named by its digest can't change; image.pullPolicy may be Always"
    "deployment-replicas" "one of each is what a small team pays for; a rolling update starts the next before it ends the last" }}
{{- $checkov := dict
    "CKV_K8S_15" "an image that is named by its digest can't change; image.pullPolicy may be Always"
    "CKV_K8S_35" "Dagster and its libraries read credentials from variables"
    "CKV_K8S_43" "digests are those of the images that you build; image.digest names them" }}
{{- if has .part (list "webserver" "daemon") }}
  {{- $_ := set $checkov "CKV_K8S_38" "it starts or ends Jobs of runs" }}
{{- end }}
{{- if eq .part "trial" }}
  {{- $_ := set $checkov "CKV_K8S_8" "it ends by itself" }}
  {{- $_ := set $checkov "CKV_K8S_9" "nothing connects to it" }}
{{- end }}
{{- if eq .part "daemon" }}
  {{- $_ := set $checkov "CKV_K8S_9" "nothing connects to it" }}
{{- end }}
{{- if has .part (list "webserver" "observability" "postgresql" "s3") }}
  {{- $_ := set $score "pod-probes-identical" "they ask the same, but a restart takes many answers missing over minutes" }}
{{- end }}
{{- if eq .part "observability" }}
  {{- $_ := set $score "deployment-strategy" "two at once would tell everything twice" }}
{{- end }}
{{- if has .part (list "postgresql" "s3") }}
  {{- $_ := set $score "statefulset-has-servicename" "it can't be changed any more, and nobody asks for the pod by its name" }}
{{- end }}
{{- if eq .part "postgresql" }}
  {{- $_ := set $score "container-security-context-user-group-id" "999 is the user of the official image" }}
  {{- $_ := set $checkov "CKV_K8S_40" "999 is the user of the official image" }}
{{- end }}
kube-score/ignore: {{ keys $score | sortAlpha | join "," }}
{{- range $number, $check := keys $checkov | sortAlpha }}
checkov.io/skip{{ add1 $number }}: {{ printf "%s=%s" $check (get $checkov $check) | quote }}
{{- end }}
{{- end }}
