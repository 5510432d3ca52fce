{{/* Name of the release's objects, short enough for a DNS label. */}}
{{- define "@NAME@.fullname" -}}
{{- $name := default (printf "%s-%s" .Release.Name .Chart.Name) .Values.fullnameOverride -}}
{{- $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Name of the Secret of one group of `secrets`: dict "root" $ "group" $group. */}}
{{- define "@NAME@.secretName" -}}
{{- printf "%s-%s" (include "@NAME@.fullname" .root) (.group | lower | replace "_" "-") -}}
{{- end -}}

{{/* Labels by which the Service and the Deployment find their pods. They must never change. */}}
{{- define "@NAME@.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Labels of every object. */}}
{{- define "@NAME@.labels" -}}
{{ include "@NAME@.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}
