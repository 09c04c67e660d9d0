// The official Fabric Gateway client as a process of its own, the twin of ours.py: writes every request of a file,
// one per transaction, so many at a time, and prints one JSON object. Options: see clients.py.
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as grpc from '@grpc/grpc-js';
import { connect, hash, signers } from '@hyperledger/fabric-gateway';

const options = JSON.parse(process.argv[2]);
const client = new grpc.Client(options.target, grpc.credentials.createSsl(readFileSync(options.tlsCa)), {
    'grpc.max_receive_message_length': 100 * 1024 * 1024,
});
const gateway = connect({
    client,
    identity: { mspId: options.mspId, credentials: readFileSync(options.cert) },
    signer: signers.newPrivateKeySigner(createPrivateKey(readFileSync(options.key))),
    hash: hash.sha256,
});
const contract = gateway.getNetwork(options.channel).getContract(options.chaincode);
const requests = readFileSync(options.requests, 'utf8').trimEnd().split('\n');

async function write(todo) {
    const latencies = [];
    const left = todo[Symbol.iterator]();
    async function work() {
        for (const request of left) {
            const began = performance.now();
            await contract.submit(options.function, {
                arguments: [request],
                endorsingOrganizations: options.organisations,
            });
            latencies.push((performance.now() - began) / 1000);
        }
    }
    await Promise.all(Array.from({ length: options.clients }, work));
    return latencies;
}

try {
    await write(requests.slice(0, options.warmUp));
    const began = Date.now() / 1000;
    const before = process.cpuUsage();
    const latencies = await write(requests.slice(options.warmUp));
    const spent = process.cpuUsage(before);
    console.log(JSON.stringify({
        began,
        ended: Date.now() / 1000,
        cpu: (spent.user + spent.system) / 1e6,
        latencies,
    }));
} finally {
    gateway.close();
    client.close();
}
