import { validate as deployment } from 'kubernetes-models/_schemas/IoK8sApiAppsV1Deployment'
import { validate as statefulSet } from 'kubernetes-models/_schemas/IoK8sApiAppsV1StatefulSet'
// Kubernetes' published schemas, held strictly: a field that no schema asks for is a mistake.
import { validate as configMap } from 'kubernetes-models/_schemas/IoK8sApiCoreV1ConfigMap'
import { validate as namespace } from 'kubernetes-models/_schemas/IoK8sApiCoreV1Namespace'
import { validate as secret } from 'kubernetes-models/_schemas/IoK8sApiCoreV1Secret'
import { validate as service } from 'kubernetes-models/_schemas/IoK8sApiCoreV1Service'
import { validate as serviceAccount } from 'kubernetes-models/_schemas/IoK8sApiCoreV1ServiceAccount'
import { validate as networkPolicy } from 'kubernetes-models/_schemas/IoK8sApiNetworkingV1NetworkPolicy'
import { validate as disruption } from 'kubernetes-models/_schemas/IoK8sApiPolicyV1PodDisruptionBudget'
import { validate as role } from 'kubernetes-models/_schemas/IoK8sApiRbacV1Role'
import { validate as roleBinding } from 'kubernetes-models/_schemas/IoK8sApiRbacV1RoleBinding'

import { at } from './deploy.fixture.ts'

type Validate = { (data: unknown): boolean; errors?: unknown }

const schemas: Readonly<Record<string, Validate>> = {
  'apps/v1 Deployment': deployment,
  'apps/v1 StatefulSet': statefulSet,
  'networking.k8s.io/v1 NetworkPolicy': networkPolicy,
  'policy/v1 PodDisruptionBudget': disruption,
  'rbac.authorization.k8s.io/v1 Role': role,
  'rbac.authorization.k8s.io/v1 RoleBinding': roleBinding,
  'v1 ConfigMap': configMap,
  'v1 Namespace': namespace,
  'v1 Secret': secret,
  'v1 Service': service,
  'v1 ServiceAccount': serviceAccount,
}

/** What is wrong with one object, in words; empty when nothing is. */
export function problemsOf(object: unknown): string[] {
  const kind = `${String(at(object, 'apiVersion'))} ${String(at(object, 'kind'))}`
  const validate = schemas[kind]
  if (!validate) return [`${kind}: no schema was chosen for it`]
  const watched: Watched[] = []
  const isValid = validate(watch(object, kind, watched))
  const unknown = watched.flatMap(({ path, value, read }) =>
    Object.keys(value)
      .filter((key) => !read.has(key))
      .map((key) => `${path}/${key}: no such field`),
  )
  return isValid ? unknown : [...unknown, `${kind}: ${JSON.stringify(validate.errors)}`]
}

type Watched = { path: string; value: Record<string, unknown>; read: Set<PropertyKey> }

// Schemas of Kubernetes allow fields they do not know. But a validator looks at each field it does know.
function watch(value: unknown, path: string, watched: Watched[]): unknown {
  if (Array.isArray(value))
    return value.map((each, index) => watch(each, `${path}/${index}`, watched))
  if (typeof value !== 'object' || value === null) return value
  const copy = Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, watch(each, `${path}/${key}`, watched)]),
  )
  const read = new Set<PropertyKey>()
  watched.push({ path, value: copy, read })
  return new Proxy(copy, {
    get: (target, key): unknown => {
      read.add(key)
      return Reflect.get(target, key)
    },
    ownKeys: (target) => {
      const keys = Reflect.ownKeys(target)
      for (const key of keys) read.add(key)
      return keys
    },
  })
}
