{{/* What pods are made of. */}}

{{/* The restricted Pod Security Standard, and more. */}}
{{- define "examhall.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile:
    type: RuntimeDefault
{{- end -}}

{{/* Takes the root. */}}
{{- define "examhall.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: {{ not .Values.development.reload }}
  capabilities:
    drop: [ALL]
{{- end -}}

{{/* The only folder a process may write to. */}}
{{- define "examhall.scratch" -}}
- name: scratch
  emptyDir:
    sizeLimit: 1Gi
{{- end -}}

{{/* Takes {root, service}. */}}
{{- define "examhall.volumes" -}}
{{ include "examhall.scratch" . }}
{{- if and .service.database .root.Values.database.caSecret }}
- name: database-ca
  secret:
    secretName: {{ .root.Values.database.caSecret }}
    items:
      - key: {{ .root.Values.database.caKey }}
        path: ca.crt
{{- end }}
{{- if and .service.kafka .root.Values.kafka.security.caSecret }}
- name: kafka-ca
  secret:
    secretName: {{ .root.Values.kafka.security.caSecret }}
    items:
      - key: {{ .root.Values.kafka.security.caKey }}
        path: ca.crt
{{- end }}
{{- end -}}

{{/* Takes {root, service}. */}}
{{- define "examhall.mounts" -}}
- name: scratch
  mountPath: /tmp
{{- if and .service.database .root.Values.database.caSecret }}
- name: database-ca
  mountPath: /etc/examhall/database
  readOnly: true
{{- end }}
{{- if and .service.kafka .root.Values.kafka.security.caSecret }}
- name: kafka-ca
  mountPath: /etc/examhall/kafka
  readOnly: true
{{- end }}
{{- end -}}

{{/* One variable from a secret. Takes {name, secret, key}. */}}
{{- define "examhall.secretVariable" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret }}
      key: {{ .key }}
{{- end -}}

{{/* DATABASE_URL and how it is encrypted. Takes {root, name}. */}}
{{- define "examhall.databaseEnvironment" -}}
{{- $database := .root.Values.database -}}
{{- if $database.roles.enabled -}}
{{- $secret := $database.roles.secretName | replace "{service}" .name -}}
{{ include "examhall.secretVariable" (dict "name" "DATABASE_USER" "secret" $secret "key" "username") }}
{{ include "examhall.secretVariable" (dict "name" "DATABASE_PASSWORD" "secret" $secret "key" "password") }}
- name: DATABASE_URL
  value: {{ printf "postgresql://$(DATABASE_USER):$(DATABASE_PASSWORD)@%s:%v/%s" $database.roles.host $database.roles.port ($database.roles.database | replace "{service}" .name) | quote }}
{{- else if .root.Values.development.servers -}}
- name: DATABASE_URL
  value: {{ printf "postgresql://postgres:development@%s-postgres:5432/examhall_%s" (include "examhall.fullname" .root) .name | quote }}
{{- else -}}
{{ include "examhall.secretVariable" (dict "name" "DATABASE_URL" "secret" $database.existingSecret "key" .name) }}
{{- end }}
- name: PGSSLMODE
  value: {{ $database.sslMode }}
{{- if $database.caSecret }}
- name: PGSSLROOTCERT
  value: /etc/examhall/database/ca.crt
{{- end }}
{{- end -}}

{{/* The environment of a service. Takes {root, name, service}. What a service's `env` says goes before everything that is derived here. */}}
{{- define "examhall.environment" -}}
{{- $root := .root -}}
{{- $service := .service -}}
{{- $fullname := include "examhall.fullname" $root -}}
{{- $plain := dict "EXAMHALL_HTTP_HOST" "0.0.0.0" "EXAMHALL_HTTP_PORT" (toString $service.http) "EXAMHALL_LOG_LEVEL" $root.Values.settings.logLevel "EXAMHALL_DATA" "/tmp/examhall" -}}
{{- if $service.grpc }}{{ $_ := set $plain "EXAMHALL_GRPC_HOST" "0.0.0.0" }}{{ $_ := set $plain "EXAMHALL_GRPC_PORT" (toString $service.grpc) }}{{ end -}}
{{- if $root.Values.settings.otlpEndpoint -}}
{{- $_ := set $plain "EXAMHALL_OTLP_ENDPOINT" $root.Values.settings.otlpEndpoint -}}
{{- $_ := set $plain "EXAMHALL_TRACE_RATIO" (toString $root.Values.settings.traceRatio) -}}
{{- end -}}
{{- range $peer := $service.calls -}}
{{- $port := (index $root.Values.services $peer).grpc -}}
{{- $_ := set $plain (printf "EXAMHALL_%s_GRPC" (upper $peer)) (printf "dns:///%s-%s-pods:%v" $fullname $peer $port) -}}
{{- end -}}
{{- range $peer := $service.forwards -}}
{{- $port := (index $root.Values.services $peer).http -}}
{{- $_ := set $plain (printf "EXAMHALL_%s_HTTP" (upper $peer)) (printf "%s-%s:%v" $fullname $peer $port) -}}
{{- end -}}
{{- if $service.kafka -}}
{{- $_ := set $plain "KAFKA_BOOTSTRAP_SERVERS" (ternary (printf "%s-kafka:9092" $fullname) $root.Values.kafka.bootstrapServers $root.Values.development.servers) -}}
{{- end -}}
{{- $security := $root.Values.kafka.security -}}
{{- if and $service.kafka (ne $security.protocol "PLAINTEXT") -}}
{{- $_ := set $plain "EXAMHALL_KAFKA_SECURITY_PROTOCOL" $security.protocol -}}
{{- if $security.saslMechanism }}{{ $_ := set $plain "EXAMHALL_KAFKA_SASL_MECHANISM" $security.saslMechanism }}{{ end -}}
{{- if $security.caSecret }}{{ $_ := set $plain "EXAMHALL_KAFKA_CA_FILE" "/etc/examhall/kafka/ca.crt" }}{{ end -}}
{{- end -}}
{{- $redisUrl := ternary (printf "redis://%s-valkey:6379/0" $fullname) $root.Values.redis.url $root.Values.development.servers -}}
{{- if and $service.redis $redisUrl (not $root.Values.redis.existingSecret) -}}
{{- $_ := set $plain "REDIS_URL" $redisUrl -}}
{{- end -}}
{{- if $service.isEntry -}}
{{- $_ := set $plain "EXAMHALL_TRUSTED_PROXIES" $root.Values.gateway.trustedProxies -}}
{{- $_ := set $plain "EXAMHALL_CORS_ORIGINS" $root.Values.gateway.corsOrigins -}}
{{- end -}}
{{- if and $service.mail $root.Values.mail.host -}}
{{- $_ := set $plain "EXAMHALL_SMTP_HOST" $root.Values.mail.host -}}
{{- $_ := set $plain "EXAMHALL_SMTP_PORT" (toString $root.Values.mail.port) -}}
{{- $_ := set $plain "EXAMHALL_SMTP_START_TLS" (toString $root.Values.mail.startTls) -}}
{{- $_ := set $plain "EXAMHALL_MAIL_FROM" $root.Values.mail.from -}}
{{- end -}}
{{- $plain = mergeOverwrite $plain (deepCopy $root.Values.settings.env) (deepCopy ($service.env | default dict)) -}}
{{- range $variable, $value := $plain }}
- name: {{ $variable }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- if or $service.grpc $service.calls }}
{{ include "examhall.serviceSecretVariable" $root }}
{{- end }}
{{- if $service.database }}
{{ include "examhall.databaseEnvironment" (dict "root" $root "name" .name) }}
{{- end }}
{{- if and $service.kafka $security.existingSecret }}
{{ include "examhall.secretVariable" (dict "name" "EXAMHALL_KAFKA_SASL_USER" "secret" $security.existingSecret "key" $security.userKey) }}
{{ include "examhall.secretVariable" (dict "name" "EXAMHALL_KAFKA_SASL_PASSWORD" "secret" $security.existingSecret "key" $security.passwordKey) }}
{{- end }}
{{- if and $service.redis $root.Values.redis.existingSecret }}
{{ include "examhall.secretVariable" (dict "name" "REDIS_URL" "secret" $root.Values.redis.existingSecret "key" $root.Values.redis.key) }}
{{- end }}
{{- if and $service.mail $root.Values.mail.host $root.Values.mail.existingSecret }}
{{ include "examhall.secretVariable" (dict "name" "EXAMHALL_SMTP_USER" "secret" $root.Values.mail.existingSecret "key" $root.Values.mail.userKey) }}
{{ include "examhall.secretVariable" (dict "name" "EXAMHALL_SMTP_PASSWORD" "secret" $root.Values.mail.existingSecret "key" $root.Values.mail.passwordKey) }}
{{- end }}
{{- if and $service.firstAdmin $root.Values.firstAdmin.existingSecret }}
{{ include "examhall.secretVariable" (dict "name" "EXAMHALL_ADMIN_EMAIL" "secret" $root.Values.firstAdmin.existingSecret "key" $root.Values.firstAdmin.emailKey) }}
{{ include "examhall.secretVariable" (dict "name" "EXAMHALL_ADMIN_PASSWORD" "secret" $root.Values.firstAdmin.existingSecret "key" $root.Values.firstAdmin.passwordKey) }}
{{- end }}
{{- range $each := $service.secretEnv }}
{{ include "examhall.secretVariable" $each }}
{{- end }}
{{- end -}}

{{/* Takes the root. */}}
{{- define "examhall.serviceSecretVariable" -}}
{{- $secret := ternary (printf "%s-development" (include "examhall.fullname" .)) .Values.serviceSecret.existingSecret .Values.development.servers -}}
{{- include "examhall.secretVariable" (dict "name" "EXAMHALL_SERVICE_SECRET" "secret" $secret "key" .Values.serviceSecret.key) -}}
{{- end -}}

{{/* The container that brings a service's database up to date. Takes {root, name, service}. */}}
{{- define "examhall.migration" -}}
- name: migrate
  image: {{ include "examhall.image" . }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  args: [migrate, {{ .name }}]
  env:
    {{- include "examhall.databaseEnvironment" . | nindent 4 }}
  resources:
    {{- toYaml .root.Values.migrations.resources | nindent 4 }}
  {{- include "examhall.containerSecurity" .root | nindent 2 }}
  volumeMounts:
    {{- include "examhall.mounts" . | nindent 4 }}
{{- end -}}
