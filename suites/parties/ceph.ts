// A Ceph cluster of one monitor, one store in memory and one object gateway, from Debian's packages, on
// loopback in a private folder: an AWS STS, IAM and S3 that no one here wrote.
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { findFreePorts } from '../../src/demo/program.ts'
import type { PartyLab } from './lab.ts'

/** A running gateway, and its administrator's keys. */
export type Ceph = {
  url: string
  accessKey: string
  secretKey: string
  /** Begins to read the gateway's log; gives what came to it since. */
  followLog: () => () => string
  close: () => Promise<void>
}

/** The programs it takes. */
export const cephPrograms = [
  'ceph-mon',
  'ceph-osd',
  'radosgw',
  'radosgw-admin',
  'ceph-authtool',
  'monmaptool',
  'ceph',
]

const readySeconds = 90

/** Starts it; throws with its logs when it does not come up within a minute and a half. */
export async function startCeph(lab: PartyLab): Promise<Ceph> {
  const folder = join(lab.folder, 'ceph')
  for (const each of ['', 'mon', 'osd', 'run']) mkdirSync(join(folder, each), { mode: 0o700 })
  const [newPort = 0, oldPort = 0, port = 0] = await findFreePorts(3)
  const monitors = `[v2:127.0.0.1:${newPort},v1:127.0.0.1:${oldPort}]`
  const [cluster, store] = [randomUUID(), randomUUID()]
  const { certPem, keyPem } = await lab.authority.issue(['127.0.0.1', 'localhost'])
  const certificate = lab.write('ceph/gateway.pem', certPem)
  const key = lab.write('ceph/gateway.key', keyPem)
  const configFile = join(folder, 'ceph.conf')
  const frontend = `beast ssl_endpoint=127.0.0.1:${port} ssl_certificate=${certificate} ssl_private_key=${key}`
  writeFileSync(configFile, configText({ folder, cluster, monitors, frontend }))

  const config = ['-c', configFile]
  const run = async (name: string, ...args: string[]): Promise<void> => {
    const command = [lab.finder.find(name), ...args]
    // A cluster that does not come up is asked for ever.
    const { exitCode, output } = await lab.run(['timeout', String(readySeconds), ...command], {})
    if (exitCode !== 0) throw new Error(`${name} ended with ${exitCode}: ${output.slice(-1500)}`)
  }
  const keyring = join(folder, 'keyring')
  const newKey = (who: string, ...rights: string[]) =>
    run(
      'ceph-authtool',
      keyring,
      '--gen-key',
      '-n',
      who,
      ...rights.flatMap((right) => ['--cap', ...split(right)]),
    )
  const daemons: ChildProcess[] = []
  const start = (name: string, ...args: string[]) => {
    const options = { stdio: 'ignore', env: {} } as const
    daemons.push(spawn(lab.finder.find(name), [...config, ...args, '-f'], options))
  }
  const close = async () => {
    for (const daemon of daemons.toReversed()) await end(daemon)
  }
  const killAll = () => {
    for (const daemon of daemons) daemon.kill('SIGKILL')
  }
  process.once('exit', killAll)
  const readLog = () => readFileSync(join(folder, 'client.rgw.log'), 'utf8')
  const [accessKey, secretKey] = ['administrator', randomUUID()]
  const url = `https://127.0.0.1:${port}`
  try {
    await run('ceph-authtool', '--create-keyring', keyring)
    await newKey('mon.', 'mon=allow *')
    await newKey('client.admin', 'mon=allow *', 'osd=allow *')
    await newKey('client.rgw', 'mon=allow rw', 'osd=allow rwx')
    await newKey('osd.0', 'mon=allow profile osd', 'osd=allow *')
    const map = join(folder, 'monmap')
    await run('monmaptool', '--create', '--fsid', cluster, '--addv', 'a', monitors, map)
    await run('ceph-mon', ...config, '--mkfs', '-i', 'a', '--monmap', map, '--keyring', keyring)
    start('ceph-mon', '-i', 'a')
    await run('ceph', ...config, 'osd', 'new', store)
    await run('ceph-osd', ...config, '-i', '0', '--mkfs', '--osd-uuid', store)
    start('ceph-osd', '-i', '0')
    const user = ['--uid', 'administrator', '--display-name', 'Administrator']
    const keys = ['--access-key', accessKey, '--secret', secretKey]
    const rights = ['--caps', 'oidc-provider=*;roles=*']
    const admin = [...config, '-n', 'client.rgw', 'user', 'create']
    await run('radosgw-admin', ...admin, ...user, ...keys, ...rights)
    start('radosgw', '-n', 'client.rgw')
    await waitFor(lab, url)
  } catch (error) {
    await close()
    throw error
  }
  return {
    url,
    accessKey,
    secretKey,
    followLog: () => {
      const before = readLog().length
      return () => readLog().slice(before)
    },
    close: async () => {
      process.off('exit', killAll)
      await close()
    },
  }
}

async function waitFor(lab: PartyLab, url: string): Promise<void> {
  const until = Date.now() + readySeconds * 1000
  for (;;) {
    const isUp = await lab.fetch(url).then(
      ({ status }) => status === 200,
      () => false,
    )
    if (isUp) return
    if (Date.now() > until) throw new Error('the gateway does not answer')
    await sleep(200)
  }
}

async function end(daemon: ChildProcess): Promise<void> {
  if (daemon.exitCode !== null || daemon.signalCode !== null) return
  const ended = once(daemon, 'exit')
  // Nothing of it is to be kept, and an orderly end takes seconds.
  daemon.kill('SIGKILL')
  await ended
}

function split(right: string): string[] {
  const at = right.indexOf('=')
  return [right.slice(0, at), right.slice(at + 1)]
}

function configText(at: {
  folder: string
  cluster: string
  monitors: string
  frontend: string
}): string {
  return `[global]
fsid = ${at.cluster}
mon host = ${at.monitors}
public addr = 127.0.0.1
cluster addr = 127.0.0.1
keyring = ${at.folder}/keyring
run dir = ${at.folder}/run
admin socket =
pid file =
crash dir = ${at.folder}
log file = ${at.folder}/$name.log
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
[mon]
mon data = ${at.folder}/mon
mon data avail warn = 1
mon data avail crit = 1
[osd]
osd objectstore = memstore
osd data = ${at.folder}/osd
memstore device bytes = 1073741824
[client.rgw]
rgw data = ${at.folder}
rgw frontends = ${at.frontend}
rgw sts key = abcdefghijklmnop
rgw s3 auth use sts = true
# It reads issuers with the machine's own authorities and cannot be given another.
rgw verify ssl = false
`
}
