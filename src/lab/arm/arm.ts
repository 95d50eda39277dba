// The lab's Azure Resource Manager: the part that trust is set up and reviewed with, over https, for
// callers with a token of the lab's Entra and a role that allows it (facts/federation.md §1.6, §3).
import { randomUUID } from 'node:crypto'

import type { Clock } from '../../core/time.ts'
import type { LabAuthority } from '../authority.ts'
import {
  type ControlAnswer,
  type ControlCall,
  ControlRefusal,
  type ControlServer,
  startControlServer,
} from '../control/server.ts'
import { BearerError, type BearerProblem, type LabCaller, verifyBearer } from '../entra-bearer.ts'
import { armAudience } from '../entra-tokens.ts'
import type { LabEntra } from '../entra.ts'
import { identityRoutes } from './identities.ts'
import { createIdentityCredentialRoutes } from './identity-credentials.ts'
import { parseArmPath } from './path.ts'
import { resourceRoutes } from './resources.ts'
import { needAction, needScope, needUnlocked } from './rights.ts'
import { createAssignmentRoutes, needAssignmentScope } from './role-assignments.ts'
import { definitionRoutes } from './role-definition-routes.ts'
import { builtInRoles } from './role-definitions.ts'
import { createSchedule } from './schedule.ts'
import type {
  ArmAssignment,
  ArmCall,
  ArmDiagnostics,
  ArmLock,
  ArmRoute,
  ArmSettings,
  ArmState,
} from './state.ts'

/** A running ARM; its URL takes the place of https://management.azure.com. */
export type LabArm = ControlServer & {
  settings: ArmSettings
  /** What is there; tests change it in place, and no role or lock stops them. */
  state: ArmState
  /** Puts a role assignment there that storage knows nothing of, whatever its condition says. */
  seedAssignment: (assignment: SeededAssignment) => string
  addLock: (lock: ArmLock) => void
  removeLock: (name: string) => void
  addDiagnostics: (diagnostics: ArmDiagnostics) => void
  /** Lets due role assignments count; calls to storage must do so first. */
  settle: () => void
}

/** A role assignment made behind the API, by the role's name. */
export type SeededAssignment = { principalId: string; roleName: string; scope: string } & Partial<
  Pick<ArmAssignment, 'principalType' | 'description' | 'condition' | 'createdAt'>
>

/** What an ARM begins with. */
export type LabArmOptions = Pick<
  ArmState,
  'subscription' | 'resourceGroups' | 'accounts' | 'dataPlane'
>

type ArmDeps = { authority: LabAuthority; entra: LabEntra; now: Clock }

/** Starts an ARM with one subscription; nobody has a role until one is seeded. */
export async function startArm(deps: ArmDeps, options: LabArmOptions): Promise<LabArm> {
  const { entra, now } = deps
  const settings: ArmSettings = {
    roleDelaySeconds: 0,
    credentialDelaySeconds: 0,
    isCredentialDelayIntermittent: false,
    principalDelaySeconds: 0,
    credentialWriteMs: 5,
    credentialWriteIntervalSeconds: 0,
    pageSize: 100,
  }
  const state: ArmState = {
    now,
    entra,
    settings,
    ...options,
    identities: [],
    definitions: [...builtInRoles],
    assignments: [],
    locks: [],
    diagnostics: [],
  }
  const schedule = createSchedule({ now })
  const routes: Record<string, ArmRoute> = {
    ...resourceRoutes,
    ...definitionRoutes,
    ...createAssignmentRoutes(schedule),
    ...identityRoutes,
    ...createIdentityCredentialRoutes(),
  }
  const server = await startControlServer(
    { authority: deps.authority },
    {
      requestIdHeader: 'x-ms-request-id',
      handle(call) {
        schedule.settle()
        return handle({ state, routes }, call)
      },
      describeRefusal: ({ code, message }) => ({ error: { code, message } }),
    },
  )
  entra.addResource(server.url, armAudience)
  return {
    ...server,
    settings,
    state,
    settle: () => schedule.settle(),
    seedAssignment: (seeded) => seedAssignment(state, seeded),
    addLock: (lock) => void state.locks.push(lock),
    removeLock(name) {
      state.locks = state.locks.filter((lock) => lock.name !== name)
    },
    addDiagnostics: (diagnostics) => void state.diagnostics.push(diagnostics),
  }
}

async function handle(
  { state, routes }: { state: ArmState; routes: Readonly<Record<string, ArmRoute>> },
  call: ControlCall,
): Promise<ControlAnswer> {
  checkApiVersion(call.query.get('api-version'))
  const caller = await identify(state, call)
  const target = parseArmPath(call.path)
  const armCall: ArmCall = { ...call, state, caller, target }
  const kind = `${target.type} ${target.isItem ? 'item' : 'list'}`
  const route = routes[`${call.method} ${kind}`]
  if (!route) throw refuseRoute(call.method, target.type, kind, Object.keys(routes))
  if (route.action !== '') needAction(armCall, route.action, target.id)
  needScope(armCall)
  if (target.type === 'microsoft.authorization/roleassignments') needAssignmentScope(armCall)
  needUnlocked(armCall)
  return route.answer(armCall)
}

function seedAssignment(state: ArmState, seeded: SeededAssignment): string {
  const { roleName, createdAt = state.now(), principalType = 'ServicePrincipal', ...kept } = seeded
  const definition = state.definitions.find((each) => each.roleName === roleName)
  if (!definition) throw new RangeError(`there is no role '${roleName}'`)
  const guid = randomUUID()
  state.assignments.push({
    ...kept,
    guid,
    principalType,
    roleGuid: definition.guid,
    conditionVersion: seeded.condition === undefined ? undefined : '2.0',
    createdAt,
    updatedAt: createdAt,
    createdBy: state.entra.owner.objectId,
  })
  return guid
}

function checkApiVersion(version: string | null): void {
  if (version === null || version === '') {
    throw new ControlRefusal(
      400,
      'MissingApiVersionParameter',
      'The api-version query parameter (?api-version=) is required for all requests.',
    )
  }
  if (/^\d{4}-\d{2}-\d{2}(-\w+)?$/.test(version)) return
  throw new ControlRefusal(
    400,
    'InvalidApiVersionParameter',
    `The api-version '${version}' is invalid.`,
  )
}

async function identify({ now, entra }: ArmState, { headers }: ControlCall): Promise<LabCaller> {
  try {
    return await verifyBearer({ now, entra, audience: armAudience }, headers.authorization)
  } catch (error) {
    if (!(error instanceof BearerError)) throw error
    throw refuseToken(error.problem, entra)
  }
}

function refuseToken(problem: BearerProblem, { url, tenantId }: LabEntra): ControlRefusal {
  const rows: Record<BearerProblem, [code: string, message: string]> = {
    missing: [
      'AuthenticationFailed',
      "Authentication failed. The 'Authorization' header is missing.",
    ],
    malformed: [
      'AuthenticationFailedInvalidHeader',
      "Authentication failed. The 'Authorization' header is provided in an invalid format.",
    ],
    signature: ['InvalidAuthenticationToken', 'The access token is invalid.'],
    issuer: [
      'InvalidAuthenticationTokenTenant',
      `The access token is from the wrong issuer. It must match the tenant 'https://sts.windows.net/${tenantId}/' associated with this subscription.`,
    ],
    audience: [
      'InvalidAuthenticationTokenAudience',
      "The access token has been obtained for wrong audience or resource. It should exactly match with one of the allowed audiences 'https://management.core.windows.net/','https://management.azure.com/'.",
    ],
    expired: [
      'ExpiredAuthenticationToken',
      'The access token expiry is earlier than current UTC time.',
    ],
  }
  const [code, message] = rows[problem]
  const error =
    problem === 'missing' ? '' : `, error="invalid_token", error_description="${message}"`
  return new ControlRefusal(401, code, message, {
    'www-authenticate': `Bearer authorization_uri="${url}/${tenantId}"${error}`,
  })
}

function refuseRoute(
  method: string,
  type: string,
  kind: string,
  known: readonly string[],
): ControlRefusal {
  if (known.some((route) => route.endsWith(` ${kind}`))) {
    return new ControlRefusal(
      405,
      'HttpMethodNotAllowed',
      `The HTTP method '${method}' is not supported at this resource.`,
    )
  }
  return new ControlRefusal(
    404,
    'InvalidResourceType',
    `The resource type could not be found in the lab: '${type}'.`,
  )
}
