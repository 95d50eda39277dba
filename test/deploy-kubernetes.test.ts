// The manifests of deploy/kubernetes before Kubernetes' published schemas, and what they say of each other.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'

import { problemsOf } from './deploy-kubernetes.fixture.ts'
import { at, entries, expand, list, readConfigured, text, type Node } from './deploy.fixture.ts'

const folders = ['deploy/kubernetes/try', 'deploy/kubernetes/own-database']
const objects = expand('deploy/kubernetes/try')

const ofKind = (kind: string) => objects.filter((object) => at(object, 'kind') === kind)
const nameOf = (object: unknown) => text(object, 'metadata', 'name')
const find = (kind: string, name: string): Node => {
  const found = ofKind(kind).find((object) => nameOf(object) === name)
  assert.ok(found, `there is no ${kind} ${name}`)
  return found
}
const workloads = [...ofKind('StatefulSet'), ...ofKind('Deployment')]
const podOf = (workload: unknown) => at(workload, 'spec', 'template', 'spec')
const containersOf = (workload: unknown) => list(podOf(workload), 'containers')
const labelsOf = (workload: unknown) => at(workload, 'spec', 'template', 'metadata', 'labels')
const portsOf = (workload: unknown) =>
  new Map(
    containersOf(workload)
      .flatMap((container) => list(container, 'ports'))
      .map((port) => [text(port, 'name'), Number(at(port, 'containerPort'))]),
  )
const selectedBy = (selector: unknown) =>
  workloads.filter((workload) =>
    entries(selector).every(([key, value]) => at(labelsOf(workload), key) === value),
  )
const trust = find('StatefulSet', 'trust')

describe('the manifests', () => {
  for (const folder of folders) {
    it(`${folder} › are what Kubernetes' schemas describe`, () => {
      assert.deepEqual(expand(folder).flatMap(problemsOf), [])
    })
  }

  it('would not pass with a misspelt field, a wrong type or a missing one', () => {
    const spec = { selector: { a: 'b' }, ports: [{ port: 1, targetPrt: 'x' }] }
    const wrong = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a' }, spec }
    assert.deepEqual(problemsOf(wrong), ['v1 Service/spec/ports/0/targetPrt: no such field'])
    assert.equal(problemsOf({ ...wrong, spec: { ports: [{ port: 'x' }] } }).length, 1)
    assert.equal(problemsOf({ ...wrong, spec: { ports: [{}] } }).length, 1)
  })

  it('select what they mean to', () => {
    for (const workload of workloads) {
      assert.deepEqual(selectedBy(at(workload, 'spec', 'selector', 'matchLabels')), [workload])
    }
    for (const kind of ['Service', 'PodDisruptionBudget', 'NetworkPolicy']) {
      for (const object of ofKind(kind)) {
        const spec = at(object, 'spec')
        const selector =
          at(spec, 'podSelector', 'matchLabels') ??
          at(spec, 'selector', 'matchLabels') ??
          at(spec, 'selector')
        assert.equal(selectedBy(selector).length, 1, `${kind} ${nameOf(object)}`)
      }
    }
  })

  it('name ports that are there, also in network policies and probes', () => {
    for (const object of ofKind('Service')) {
      const [workload] = selectedBy(at(object, 'spec', 'selector'))
      for (const port of list(object, 'spec', 'ports')) {
        assert.ok(portsOf(workload).has(text(port, 'targetPort')), nameOf(object))
      }
    }
    for (const object of ofKind('NetworkPolicy')) {
      const [workload] = selectedBy(at(object, 'spec', 'podSelector', 'matchLabels'))
      const ports = list(object, 'spec', 'ingress').flatMap((rule) => list(rule, 'ports'))
      const opened = ports.map((port) => text(port, 'port'))
      assert.deepEqual(opened.toSorted(), [...portsOf(workload).keys()].toSorted())
    }
    for (const container of workloads.flatMap(containersOf)) {
      const own = list(container, 'ports').map((port) => text(port, 'name'))
      for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe']) {
        const how = at(container, probe, 'httpGet') ?? at(container, probe, 'tcpSocket')
        if (how !== undefined) assert.ok(own.includes(text(how, 'port')), probe)
      }
    }
  })

  it('ask for health at routes that the service has', () => {
    const health = readFileSync('src/issuer/health.ts', 'utf8')
    for (const probe of ['startupProbe', 'readinessProbe']) {
      const path = text(containersOf(trust)[0], probe, 'httpGet', 'path')
      assert.ok(health.includes(`app.get('${path}'`), path)
    }
  })

  it('mount and read only what exists', () => {
    const keysOf = (kind: string, name: string) =>
      entries(find(kind, name), 'data').map(([key]) => key)
    for (const workload of workloads) {
      const claims = list(workload, 'spec', 'volumeClaimTemplates').map(nameOf)
      const volumes = list(podOf(workload), 'volumes')
      for (const volume of volumes) {
        const secret = text(volume, 'secret', 'secretName')
        const map = text(volume, 'configMap', 'name')
        const keys = secret ? keysOf('Secret', secret) : map ? keysOf('ConfigMap', map) : []
        for (const item of list(volume, 'secret', 'items')) {
          assert.ok(keys.includes(text(item, 'key')), text(item, 'key'))
        }
      }
      const names = [...volumes.map((volume) => text(volume, 'name')), ...claims]
      for (const container of containersOf(workload)) {
        const mounted = list(container, 'volumeMounts').map((mount) => text(mount, 'name'))
        assert.deepEqual(mounted.toSorted(), names.toSorted(), nameOf(workload))
        for (const variable of list(container, 'env')) {
          const from = at(variable, 'valueFrom', 'secretKeyRef')
          if (from === undefined) continue
          assert.ok(keysOf('Secret', text(from, 'name')).includes(text(from, 'key')))
        }
        for (const from of list(container, 'envFrom')) {
          find('ConfigMap', text(from, 'configMapRef', 'name'))
        }
      }
      const account = text(podOf(workload), 'serviceAccountName')
      if (account) find('ServiceAccount', account)
    }
  })

  it('give no pod a right it does not need', () => {
    for (const workload of workloads) {
      const pod = podOf(workload)
      assert.equal(at(pod, 'securityContext', 'runAsNonRoot'), true)
      assert.equal(text(pod, 'securityContext', 'seccompProfile', 'type'), 'RuntimeDefault')
      for (const { securityContext } of containersOf(workload) as { securityContext: unknown }[]) {
        assert.deepEqual(securityContext, {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        })
      }
      if (nameOf(workload) !== 'drone-runner-kube') {
        assert.equal(at(pod, 'automountServiceAccountToken'), false)
      }
    }
  })

  it('keep one of two replicas while nodes are drained, and let one end in peace', () => {
    assert.equal(at(trust, 'spec', 'replicas'), 2)
    assert.equal(at(find('PodDisruptionBudget', 'trust'), 'spec', 'maxUnavailable'), 1)
    const drain = /longestDrainMs = (\d+)_000/.exec(readFileSync('bin/service-listen.ts', 'utf8'))
    const before = Number(at(containersOf(trust)[0], 'lifecycle', 'preStop', 'sleep', 'seconds'))
    const grace = Number(at(podOf(trust), 'terminationGracePeriodSeconds'))
    assert.ok(grace > before + Number(drain?.[1]), `${grace} s are too few`)
  })
})

describe('the configurations in Kubernetes', () => {
  for (const folder of folders) {
    const { config, secretFiles } = readConfigured(folder)

    it(`${folder} › has its doors on the ports of the pod`, () => {
      const { ci, steps, public: world } = config.listen
      const ports = { ci: ci.port, steps: steps.port, public: world.port }
      assert.deepEqual(Object.fromEntries(portsOf(trust)), ports)
    })

    it(`${folder} › finds its secrets where the pod has them`, () => {
      const keys = entries(find('Secret', 'trust-secrets'), 'data').map(([key]) => key)
      for (const file of secretFiles) {
        assert.ok(keys.includes(file.replace('/run/secrets/', '')), file)
      }
      const tls = entries(find('Secret', 'trust-tls'), 'data').map(([key]) => `/tls/${key}`)
      const { certificateFile, keyFile, caFile } = config.listen.steps.tls ?? {}
      assert.deepEqual(tls.toSorted(), [`${certificateFile}`, `${keyFile}`, `${caFile}`].toSorted())
    })

    it(`${folder} › is called by the runner where it serves it`, () => {
      const { port } = config.listen.ci
      const [runner] = config.instances.get('main')?.runners.keys() ?? []
      assert.equal(
        text(find('ConfigMap', 'drone-runner-kube'), 'data', 'DRONE_SECRET_PLUGIN_ENDPOINT'),
        `http://trust.drone.svc:${port}/main/drone/runners/${runner}/secret`,
      )
      const make = readFileSync('deploy/kubernetes/try/make-secrets.sh', 'utf8')
      assert.match(make, new RegExp(`=http://trust.drone.svc:${port}/main/drone/webhook,`))
      assert.match(make, new RegExp(`DNS:${new URL(config.serviceUrl).hostname}\\\\n`))
      assert.equal(new URL(config.serviceUrl).port, String(config.listen.steps.port))
      const builds = nameOf(find('Namespace', 'drone-builds'))
      assert.equal(
        text(find('ConfigMap', 'drone-runner-kube'), 'data', 'DRONE_NAMESPACE_DEFAULT'),
        builds,
      )
    })
  }
})
