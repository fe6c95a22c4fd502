// SPDX-License-Identifier: Apache-2.0
//
// client.cjs MODULES ENDPOINT: calls EKS with the AWS SDK for JavaScript that lies in MODULES/node_modules.
// One JSON request a line comes in, one JSON answer a line goes out:
//
//     {"call": "DescribeCluster", "input": {...}}                       one operation
//     {"paginate": "ListClusters", "input": {...}, "pageSize": 2}       all pages of it
//     {"wait": "ClusterActive", "input": {...}, "seconds": 10}          a waiter
//     {"keys": {"accessKeyId": ..., "secretAccessKey": ...}, ...}       other keys than the first
//
//     {"output": ...} or {"error": {"name", "typed", "status", "message", "members"}}

"use strict";

const { createRequire } = require("node:module");
const { createInterface } = require("node:readline");

const [modules, endpoint] = process.argv.slice(2);
const sdk = createRequire(`${modules}/`)("@aws-sdk/client-eks");

function clientFor(keys) {
  return new sdk.EKSClient({ endpoint, region: "us-west-2", credentials: keys, maxAttempts: 1 });
}

async function pages(client, request) {
  const found = [];
  const paginate = sdk[`paginate${request.paginate}`];
  for await (const page of paginate({ client, pageSize: request.pageSize }, request.input)) found.push(page);
  return found;
}

async function run(request) {
  const client = clientFor(request.keys);
  try {
    if (request.paginate) return await pages(client, request);
    if (request.wait) {
      const pace = { client, maxWaitTime: request.seconds, minDelay: 1, maxDelay: 1 };
      return await sdk[`waitUntil${request.wait}`](pace, request.input);
    }
    return await client.send(new sdk[`${request.call}Command`](request.input));
  } finally {
    client.destroy();
  }
}

function told(error) {
  const type = sdk[error.name];
  return {
    name: error.name,
    typed: typeof type === "function" && error instanceof type,
    status: error.$metadata?.httpStatusCode ?? null,
    message: error.message,
    members: error.clusterName === undefined ? {} : { clusterName: error.clusterName },
  };
}

async function main() {
  for await (const line of createInterface({ input: process.stdin })) {
    let answer;
    try {
      answer = { output: await run(JSON.parse(line)) };
    } catch (error) {
      answer = { error: told(error) };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}

main();
