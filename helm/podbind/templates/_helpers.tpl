{{/* SPDX-License-Identifier: Apache-2.0 */}}
{{- define "podbind.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The release's name, with the chart's after it unless it says so already. 56 leaves room for "-lease". */}}
{{- define "podbind.fullname" -}}
{{- $name := include "podbind.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 56 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 56 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 56 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* What Services and Deployments select by; never changes over upgrades. */}}
{{- define "podbind.selectorLabels" -}}
app.kubernetes.io/name: {{ include "podbind.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "podbind.labels" -}}
{{- $own := dict
    "app.kubernetes.io/version" .Chart.AppVersion
    "app.kubernetes.io/component" "controller"
    "app.kubernetes.io/part-of" "podbind"
    "app.kubernetes.io/managed-by" .Release.Service
    "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-") }}
{{- toYaml (merge (include "podbind.selectorLabels" . | fromYaml) $own (.Values.commonLabels | default dict)) }}
{{- end }}

{{- define "podbind.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "podbind.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name is required when serviceAccount.create is false: name the service account podbind shall run as" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "podbind.leaseName" -}}
{{- default (include "podbind.fullname" .) .Values.lease.name }}
{{- end }}

{{- define "podbind.clusterName" -}}
{{- required "clusterName is required: set it to the name of the EKS cluster the chart is installed in, such as --set clusterName=eks-blue, or to auto" .Values.clusterName }}
{{- end }}

{{/* For the words of NOTES: a person knows the name that podbind finds out. */}}
{{- define "podbind.clusterWord" -}}
{{- $name := include "podbind.clusterName" . }}
{{- if eq $name "auto" }}<cluster>{{ else }}{{ $name }}{{ end }}
{{- end }}

{{- define "podbind.image" -}}
{{- $tag := default .Chart.AppVersion .Values.image.tag }}
{{- with .Values.image.digest }}
{{- printf "%s:%s@%s" $.Values.image.repository $tag . }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository $tag }}
{{- end }}
{{- end }}

{{/* The flags of `podbind controller`, one a line. */}}
{{- define "podbind.args" -}}
- controller
- --cluster-name={{ include "podbind.clusterName" . }}
{{- with .Values.aws.region }}
- --aws-region={{ . }}
{{- end }}
- --instance={{ .Values.instance }}
- --mode={{ .Values.mode }}
{{- with .Values.watchNamespaces }}
- --watch-namespaces={{ join "," . }}
{{- end }}
- --existence-interval={{ .Values.observe.existenceInterval }}
- --describe-interval={{ .Values.observe.describeInterval }}
- --describe-rate={{ .Values.observe.describeRate }}
- --absence-grace={{ .Values.absenceGrace }}
- --max-in-flight={{ int .Values.maxInFlight }}
- --watch-transport={{ .Values.watchTransport }}
- --lease-name={{ include "podbind.leaseName" . }}
- --lease-duration={{ .Values.lease.duration }}
- --lease-renew-deadline={{ .Values.lease.renewDeadline }}
- --lease-retry-period={{ .Values.lease.retryPeriod }}
- --listen-address={{ .Values.listenAddress }}:{{ .Values.port }}
- --log-format={{ .Values.log.format }}
- --log-level={{ .Values.log.level }}
{{- with .Values.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* How AWS is reached: the variables that the AWS SDKs have for it. */}}
{{- define "podbind.awsEnv" -}}
{{- if .Values.aws.useFIPSEndpoint }}
- name: AWS_USE_FIPS_ENDPOINT
  value: "true"
{{- end }}
{{- if .Values.aws.useDualStackEndpoint }}
- name: AWS_USE_DUALSTACK_ENDPOINT
  value: "true"
{{- end }}
{{- range $service, $url := .Values.aws.endpointURLs }}
{{- with $url }}
- name: AWS_ENDPOINT_URL_{{ upper $service }}
  value: {{ . | quote }}
{{- end }}
{{- end }}
{{- if .Values.aws.caBundle.configMap }}
- name: AWS_CA_BUNDLE
  value: /etc/podbind/aws-ca/{{ .Values.aws.caBundle.key }}
{{- end }}
{{- end }}
