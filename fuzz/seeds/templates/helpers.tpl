{{- define "shop.name" -}}{{ .Values.name | trunc 63 | trimSuffix "-" }}{{- end -}}
{{ block "b" . }}{{ template "shop.name" . }}{{ end }}
{{ (index .Values "a" 1).b }} {{ get .Values `k` }} {{ hasKey .Values "z" }}
