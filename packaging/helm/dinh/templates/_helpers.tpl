{{- define "dinh.labels" -}}
app.kubernetes.io/name: dinh
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "dinh.selector" -}}
app.kubernetes.io/name: dinh
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* The settings of the values, and those that follow from the cluster. */}}
{{- define "dinh.config" -}}
{{- $ports := dict "port" (int .Values.media.port) "shards" (int .Values.media.threads) }}
{{- $admin := ternary "[::]" "127.0.0.1" (or .Values.admin.expose (not .Values.media.hostNetwork)) }}
{{- $fixed := dict "data_dir" "/var/lib/dinh"
  "http" (dict "listen" (printf "[::]:%d" (int .Values.http.port)))
  "admin" (dict "listen" (printf "%s:%d" $admin (int .Values.admin.port)))
  "media" $ports
  "log" (dict "format" "json") }}
{{- mergeOverwrite (deepCopy .Values.config) $fixed | toToml }}
{{- end }}
