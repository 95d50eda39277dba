// Faults at storage: roles and their conditions, the firewall, places that are not there, and an account
// that is busy, fails now and then, or belongs to another tenant.
import { names } from '../../src/demo/trust-service.ts'
import type { DoctorCase } from './case.ts'
import type { DoctorLab } from './lab.ts'
import { entries } from './policy.ts'

/** The cases. */
export const storageCases: readonly DoctorCase[] = [
  {
    name: 'the identity has no role',
    inject: (lab) => roles(lab, undefined),
    code: 'azure_storage_role_missing',
    trouble: 'refused',
    says: /object id .*no data role .*Assign Storage Blob Data Reader/,
  },
  {
    name: 'the role is on another container',
    inject: (lab) => roles(lab, 'Storage Blob Data Contributor', { container: 'other' }),
    code: 'azure_storage_role_missing',
    trouble: 'refused',
    says: /a role on another container/,
  },
  {
    name: 'the role only lets it sign links',
    inject: (lab) => roles(lab, 'Storage Blob Delegator'),
    code: 'azure_storage_role_missing',
    trouble: 'refused',
    says: /no data role/,
  },
  {
    name: 'the condition of the role does not allow the target',
    inject: (lab) => roles(lab, 'Storage Blob Data Contributor', { prefix: 'octo/other/' }),
    code: 'azure_storage_role_missing',
    trouble: 'refused',
    says: /its condition does not allow the path .*octo\/hello\/7/,
  },
  {
    name: 'the identity may only read',
    inject: (lab) => {
      lab.setRole('Storage Blob Data Reader')
      return { args: ['--write'] }
    },
    code: 'azure_storage_role_missing',
    trouble: 'refused',
    says: /may read and not write/,
  },
  {
    name: 'a new role has not reached all of storage',
    inject: (lab) => fail(lab, 1, 403, 'AuthorizationPermissionMismatch'),
    code: 'azure_storage_role_propagating',
    trouble: 'propagating',
    says: /1 of 3 tries failed/,
  },
  {
    name: 'a new role reaches storage while the doctor waits',
    inject: (lab) => {
      lab.setRole(undefined)
      setTimeout(() => lab.setRole('Storage Blob Data Contributor'), 8_000)
      return { args: ['--wait', '40'] }
    },
    code: 'azure_storage_role_propagating',
    trouble: 'propagating',
    says: /first worked after \d+ s/,
  },
  {
    name: 'no waiting helps against a role that is not there',
    inject: (lab) => {
      lab.setRole(undefined)
      return { args: ['--wait', '3'] }
    },
    code: 'azure_storage_role_missing',
    trouble: 'refused',
    says: /refused for 3 s, so this is no matter of propagation/,
  },
  {
    name: 'the firewall of the account is shut',
    inject: ({ azure }) => {
      azure.denyNetwork(true)
      return undefined
    },
    code: 'azure_storage_network_blocked',
    trouble: 'blocked',
    says: /does not accept calls from this network/,
  },
  {
    name: 'the firewall knows some of the addresses of this network',
    inject: (lab) => fail(lab, 1, 403, 'AuthorizationFailure'),
    code: 'azure_storage_network_blocked',
    trouble: 'flaky',
    says: /leaves by several addresses/,
  },
  {
    name: 'the container does not exist',
    inject: (lab) => {
      lab.setRole('Storage Blob Data Contributor', { container: 'nowhere' })
      return { settings: { container: 'nowhere' } }
    },
    code: 'azure_storage_container_absent',
    trouble: 'refused',
    says: /nowhere.*does not exist/,
  },
  {
    name: 'the account has no blob service',
    inject: ({ azure }) => ({
      settings: { account: 'nosuchaccount', endpoint: `${azure.storage.url}/nosuchaccount` },
    }),
    code: 'azure_storage_container_absent',
    trouble: 'refused',
    says: /no such account/,
  },
  {
    name: 'the host of the account does not resolve',
    inject: () => ({ settings: { endpoint: 'https://acmeart.invalid' } }),
    code: 'azure_storage_unreachable',
    trouble: 'blocked',
    says: /acmeart\.invalid.*(ENOTFOUND|EAI_AGAIN)/,
  },
  {
    name: 'nothing listens at the endpoint',
    inject: () => ({ settings: { endpoint: 'https://localhost:9/acmeart' } }),
    code: 'azure_storage_unreachable',
    trouble: 'blocked',
    says: /ECONNREFUSED/,
  },
  {
    name: 'the account is switched off',
    inject: (lab) => fail(lab, 3, 403, 'AccountIsDisabled'),
    code: 'azure_storage_container_absent',
    trouble: 'refused',
    says: /AccountIsDisabled/,
  },
  {
    name: 'the account is too busy',
    inject: (lab) => fail(lab, 3, 503, 'ServerBusy'),
    code: 'azure_storage_throttled',
    trouble: 'flaky',
    says: /too busy.*3 times of 3/,
  },
  {
    name: 'the account fails now and then',
    inject: (lab) => fail(lab, 1, 500, 'InternalError'),
    code: 'azure_storage_unavailable',
    trouble: 'flaky',
    says: /works at one time and fails at another: 1 of 3/,
  },
  {
    name: 'the account throttles now and then',
    inject: (lab) => fail(lab, 2, 503, 'ServerBusy'),
    code: 'azure_storage_throttled',
    trouble: 'flaky',
    says: /2 of 3 tries failed/,
  },
  {
    name: 'the account is of another tenant than the identity',
    inject: async (lab) => ({ token: await lab.tokenFor(await lab.newBuild(), entries.foreign) }),
    code: 'azure_storage_token_refused',
    trouble: 'refused',
    says: /identity is of tenant .*trusts tenant/,
  },
  {
    name: 'the container takes no new names',
    inject: (lab) => {
      const { storage } = lab.azure
      storage.failNext({
        count: 1,
        status: 409,
        code: 'BlobImmutableDueToPolicy',
        operation: 'PutBlob',
      })
      return { args: ['--write'] }
    },
    code: 'azure_storage_immutable',
    trouble: 'refused',
    says: /immutability/,
  },
  {
    name: 'the share does not exist',
    inject: (lab) => {
      lab.assignShare('nowhere')
      return { settings: { ...share(lab), share: 'nowhere' } }
    },
    code: 'azure_storage_container_absent',
    trouble: 'refused',
    says: /share .*nowhere.* does not exist/,
  },
  {
    name: 'the identity has no role on the share',
    inject: (lab) => ({ settings: share(lab) }),
    code: 'azure_storage_role_missing',
    trouble: 'refused',
    says: /Storage File Data Privileged Reader/,
  },
]

/** What must be found healthy. */
export const healthyCases: readonly DoctorCase[] = [
  {
    name: 'all is well (read)',
    inject: () => undefined,
    code: 'ok',
    trouble: 'none',
    says: /may read below/,
  },
  {
    name: 'all is well (write)',
    inject: () => ({ args: ['--write', '--tries', '1'] }),
    code: 'ok',
    trouble: 'none',
    says: /may read and write/,
  },
  {
    name: 'all is well on a share',
    inject: (lab) => {
      lab.assignShare(names.container)
      return { settings: share(lab), args: ['--write'] }
    },
    code: 'ok',
    trouble: 'none',
    says: /may read and write/,
  },
]

function roles(lab: DoctorLab, ...how: Parameters<DoctorLab['setRole']>): undefined {
  lab.setRole(...how)
}

function fail(lab: DoctorLab, count: number, status: number, code: string): undefined {
  lab.azure.storage.failNext({ count, status, code, operation: 'ListBlobs' })
}

function share({ azure }: DoctorLab): Record<string, string> {
  return { container: '', share: names.container, endpoint: azure.files.endpointOf(names.account) }
}
