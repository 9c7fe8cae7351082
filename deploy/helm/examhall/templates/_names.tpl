{{/* Names and labels. All take {root, name}, where name is a service's, unless said otherwise. */}}

{{/* The release's prefix. Takes the root. */}}
{{- define "examhall.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (default .Chart.Name .Values.nameOverride) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (default .Chart.Name .Values.nameOverride) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "examhall.name" -}}
{{- printf "%s-%s" (include "examhall.fullname" .root) .name -}}
{{- end -}}

{{/* What selects the pods of a service, for ever: selectors can't be changed. */}}
{{- define "examhall.selector" -}}
app.kubernetes.io/name: examhall
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .name }}
{{- end -}}

{{- define "examhall.labels" -}}
{{ include "examhall.selector" . }}
app.kubernetes.io/part-of: examhall
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* The image of a service. Takes {root, name, service}. */}}
{{- define "examhall.image" -}}
{{- $repository := printf "examhall-%s" .name -}}
{{- if .root.Values.image.registry }}{{ $repository = printf "%s/%s" (trimSuffix "/" .root.Values.image.registry) $repository }}{{ end -}}
{{- if .service.image -}}
{{- .service.image -}}
{{- else if .service.digest -}}
{{- printf "%s@%s" $repository .service.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (.root.Values.image.tag | default .root.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* The services that run, each with what it does not say itself taken from defaults, as JSON. Takes the root. */}}
{{- define "examhall.services" -}}
{{- $services := dict -}}
{{- range $name, $own := .Values.services -}}
{{- if and $own (ne (toString $own.enabled) "false") -}}
{{- $_ := set $services $name (mergeOverwrite (deepCopy $.Values.defaults) (deepCopy $own)) -}}
{{- end -}}
{{- end -}}
{{- toJson $services -}}
{{- end -}}

{{/* Refuses values that fit the schema and not each other. Takes the root. */}}
{{- define "examhall.refuse" -}}
{{- $services := include "examhall.services" . | fromJson -}}
{{- range $name, $service := $services -}}
{{- range $peer := $service.calls -}}
{{- $there := index $services $peer | default dict -}}
{{- if not $there.grpc -}}{{- fail (printf "services.%s.calls names %s, which does not run or has no grpc port" $name $peer) -}}{{- end -}}
{{- end -}}
{{- range $peer := $service.forwards -}}
{{- if not (hasKey $services $peer) -}}{{- fail (printf "services.%s.forwards names %s, which does not run" $name $peer) -}}{{- end -}}
{{- end -}}
{{- if and (eq $name "proctoring-stream") (ne $service.autoscaling.kind "none") -}}
{{- fail "services.proctoring-stream.autoscaling.kind must be none: each change of its size moves partitions, and their state is read again" -}}
{{- end -}}
{{- end -}}
{{- $security := .Values.kafka.security -}}
{{- if and (hasPrefix "SASL" $security.protocol) (or (not $security.saslMechanism) (not $security.existingSecret)) -}}
{{- fail "kafka.security.protocol with SASL needs kafka.security.saslMechanism and kafka.security.existingSecret" -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) -}}{{- fail "ingress.enabled needs ingress.hosts" -}}{{- end -}}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) -}}{{- fail "httpRoute.enabled needs httpRoute.parentRefs" -}}{{- end -}}
{{- if and .Values.database.roles.enabled (not .Values.database.roles.host) -}}{{- fail "database.roles.enabled needs database.roles.host" -}}{{- end -}}
{{- if and .Values.development.servers (eq .Values.migrations.mode "job") -}}
{{- fail "development.servers needs migrations.mode initContainer: a job would wait for a database that comes after it" -}}
{{- end -}}
{{- end -}}
