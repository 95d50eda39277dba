// Somebody's program that keeps a file in S3, and knows nothing but the AWS SDK's own variables.
import { randomUUID } from 'node:crypto'

import {
  CreateBucketCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'

const client = new S3Client({})
const Bucket = `sdk-${randomUUID()}`
const where = { Bucket, Key: 'file' }
const text = randomUUID()
await client.send(new CreateBucketCommand({ Bucket }))
await client.send(new PutObjectCommand({ ...where, Body: text }))
const { Body } = await client.send(new GetObjectCommand(where))
if ((await Body?.transformToString()) !== text) throw new Error('it reads something else')
