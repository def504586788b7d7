{{/* The metadata of an object. Takes: workload, component, suffix, annotations. */}}
{{- define "ambit.metadata" -}}
name: ambit-{{ .workload.serviceAccount }}{{ .suffix }}
namespace: {{ .workload.namespace }}
labels:
  app.kubernetes.io/name: ambit
  app.kubernetes.io/part-of: ambit
  app.kubernetes.io/component: {{ .component }}
annotations:
  ambit.dev/workload: {{ printf "%s/%s" .workload.namespace .workload.serviceAccount | quote }}
  {{- range $key, $value := .annotations }}
  {{ $key }}: {{ $value | quote }}
  {{- end }}
{{- end }}

{{/* Where an object counts: targetRefs for a waypoint, else a selector, or nothing for the whole namespace. */}}
{{- define "ambit.scope" -}}
{{- if .waypoint }}
targetRefs:
  {{- if .waypoint.service }}
  - {group: "", kind: Service, name: {{ .waypoint.service | quote }}}
  {{- else }}
  - {group: gateway.networking.k8s.io, kind: Gateway, name: {{ .waypoint.gateway | quote }}}
  {{- end }}
{{- else }}
{{- include "ambit.pods" . }}
{{- end }}
{{- end }}

{{/* The same for what counts at the pods themselves. */}}
{{- define "ambit.pods" -}}
{{- with .pods }}
selector:
  matchLabels: {{- toYaml . | nindent 4 }}
{{- end }}
{{- end }}

{{/* The annotations of a baseline. */}}
{{- define "ambit.dryRun" -}}
{{- if .dryRun }}{istio.io/dry-run: "true"}{{ else }}{}{{ end }}
{{- end }}

{{/* The name of the placeholder of a workload's secret. */}}
{{- define "ambit.placeholder" -}}
{{- $word := regexReplaceAll "[.]" (regexReplaceAll "-" .serviceAccount "_") "_DOT_" -}}
${AMBIT_LINEAGE_SECRET_{{ regexReplaceAll "-" .namespace "_" }}_SA_{{ $word }}}
{{- end }}

{{/* The secrets that the release has drawn for itself, as a dict by NAMESPACE/SERVICE_ACCOUNT, in JSON. */}}
{{- define "ambit.drawn" -}}
{{- $drawn := dict }}
{{- if .Values.lineage.generate }}
  {{- $former := (lookup "v1" "Secret" .Release.Namespace "ambit-lineage").data | default dict }}
  {{- range .Values.workloads }}
    {{- if hasKey . "lineage" }}
      {{- $name := printf "%s/%s" .namespace .serviceAccount }}
      {{- $key := printf "%s.%s" .namespace .serviceAccount }}
      {{- if not (hasKey $.Values.lineage.secrets $name) }}
        {{- $_ := set $drawn $name (hasKey $former $key | ternary (get $former $key | b64dec) (randBytes 16)) }}
      {{- end }}
    {{- end }}
  {{- end }}
{{- end }}
{{- toJson $drawn }}
{{- end }}

{{/* The lineage settings of a workload, with its secret. Takes: workload, secrets. */}}
{{- define "ambit.lineage" -}}
{{- $name := printf "%s/%s" .workload.namespace .workload.serviceAccount -}}
{{- $secret := get .secrets $name | default (include "ambit.placeholder" .workload) -}}
{{- toJson (merge (dict "secret" $secret) .workload.lineage) -}}
{{- end }}

{{/* A policy of a workload: from the values, or a file beside the chart's. Takes: workload, policy, extension, Files. */}}
{{- define "ambit.blob" -}}
{{- $file := printf "policies/%s.%s.%s" .workload.namespace .workload.serviceAccount .extension -}}
{{- with .policy.blob }}{{ . }}{{ else -}}
{{- $blob := .Files.Get $file -}}
{{- if not $blob }}{{ fail (printf "%s/%s has no policy: neither `policy.blob` in the values nor the file %s" .workload.namespace .workload.serviceAccount $file) }}{{ end -}}
{{- $blob | b64enc -}}
{{- end -}}
{{- end }}

{{/* The configuration of the inbound role, in JSON. Takes: workload, secrets, keys, Files. */}}
{{- define "ambit.inbound" -}}
{{- $blob := include "ambit.blob" (dict "workload" .workload "policy" .workload.policy "extension" "ambit" "Files" .Files) -}}
{{- $config := dict "role" "inbound" "policy" $blob -}}
{{- with .keys }}{{ $_ := set $config "keys" . }}{{ end -}}
{{- if .workload.waypoint }}{{ $_ := set $config "identity" "waypoint" }}{{ end -}}
{{- if .workload.holdHeaders }}{{ $_ := set $config "holdHeaders" true }}{{ end -}}
{{- if hasKey .workload "lineage" }}{{ $_ := set $config "lineage" (include "ambit.lineage" . | fromJson) }}{{ end -}}
{{- toJson $config -}}
{{- end }}

{{/* The configuration of a role of calls, in JSON. Takes: role, workload, secrets, keys, Files. */}}
{{- define "ambit.calls" -}}
{{- $config := dict "role" .role "lineage" (include "ambit.lineage" . | fromJson) -}}
{{- $root := . -}}
{{- with .workload.egress -}}
{{- $blob := include "ambit.blob" (dict "workload" $root.workload "policy" .policy "extension" "egress" "Files" $root.Files) -}}
{{- $_ := set $config "policy" $blob -}}
{{- $_ := set $config "agent" .agent -}}
{{- with $root.keys }}{{ $_ := set $config "keys" . }}{{ end -}}
{{- with .internal }}{{ $_ := set $config "internal" . }}{{ end -}}
{{- end -}}
{{- toJson $config -}}
{{- end }}

{{/* An object as the values have it. */}}
{{- define "ambit.object" -}}
apiVersion: {{ .object.apiVersion }}
kind: {{ .object.kind }}
metadata:
  name: {{ .object.name }}
  namespace: {{ .object.namespace }}
  labels:
    app.kubernetes.io/name: ambit
    app.kubernetes.io/part-of: ambit
    app.kubernetes.io/component: {{ .component }}
  annotations: {{- toYaml .object.annotations | nindent 4 }}
spec: {{- toYaml .object.spec | nindent 2 }}
{{- end }}

{{/* The plugin of one role. Takes: root, workload, component, mode, ports, config (JSON), annotations. */}}
{{- define "ambit.plugin" -}}
{{- $values := .root.Values }}
{{- $digest := splitList "@sha256:" $values.image | last }}
{{- $wasm := dict "url" (printf "oci://%s" $values.image) "sha256" $digest "type" (eq .component "network" | ternary "NETWORK" "HTTP") "failStrategy" "FAIL_RELOAD" "pluginName" (printf "ambit-%s" .component) "pluginConfig" (.config | fromJson) }}
{{- with $values.imagePullSecret }}{{ $_ := set $wasm "imagePullSecret" . }}{{ end }}
apiVersion: extensions.istio.io/v1alpha1
kind: {{ $values.api }}
metadata:
  {{- include "ambit.metadata" (dict "workload" .workload "component" .component "suffix" (printf "-%s" .component) "annotations" .annotations) | nindent 2 }}
spec:
  {{- include "ambit.scope" .workload | nindent 2 }}
  match:
    - mode: {{ .mode }}
      {{- with .ports }}
      ports:
        {{- range . }}
        - number: {{ . }}
        {{- end }}
      {{- end }}
  phase: AUTHZ
  {{- if eq $values.api "TrafficExtension" }}
  wasm: {{- toYaml $wasm | nindent 4 }}
  {{- else }}
  {{- toYaml $wasm | nindent 2 }}
  {{- end }}
{{- end }}

{{/* The inbound role where headers wait for the body. Takes: root, workload, config (JSON), annotations. */}}
{{- define "ambit.envoyFilter" -}}
{{- $image := .root.Values.image }}
{{- $name := printf "ambit.%s.%s.inbound" .workload.namespace .workload.serviceAccount }}
{{- $wasm := "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm" }}
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata:
  {{- include "ambit.metadata" (dict "workload" .workload "component" "inbound" "suffix" "-inbound" "annotations" .annotations) | nindent 2 }}
spec:
  {{- with .workload.pods }}
  workloadSelector:
    labels: {{- toYaml . | nindent 6 }}
  {{- end }}
  configPatches:
    - applyTo: HTTP_FILTER
      match:
        context: SIDECAR_INBOUND
        listener:
          filterChain:
            filter:
              name: envoy.filters.network.http_connection_manager
              subFilter: {name: envoy.filters.http.router}
      patch:
        operation: INSERT_BEFORE
        value:
          name: {{ $name | quote }}
          config_discovery:
            config_source: {ads: {}, initial_fetch_timeout: 0s, resource_api_version: V3}
            type_urls:
              - {{ $wasm }}
              - type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC
    - applyTo: EXTENSION_CONFIG
      match: {context: SIDECAR_INBOUND}
      patch:
        operation: ADD
        value:
          name: {{ $name | quote }}
          typed_config:
            "@type": {{ $wasm }}
            config:
              name: {{ $name | quote }}
              root_id: ambit-inbound
              configuration:
                "@type": type.googleapis.com/google.protobuf.StringValue
                value: {{ .config | quote }}
              allow_on_headers_stop_iteration: true
              failure_policy: FAIL_RELOAD
              vm_config:
                runtime: envoy.wasm.runtime.v8
                code:
                  remote:
                    http_uri: {uri: {{ printf "oci://%s" $image | quote }}, timeout: 30s, cluster: _}
                    sha256: {{ splitList "@sha256:" $image | last | quote }}
{{- end }}
