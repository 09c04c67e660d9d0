// Works with the example contract through the official Fabric Gateway client; prints one JSON object with what it saw.
// usage: node stock.mjs '{"modules", "target", "tlsCa", "channel", "chaincode", "keeper", "other", "auditor", "organisations", "lot"}'
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const options = JSON.parse(process.argv[2]);
const require = createRequire(options.modules);
const grpc = require('@grpc/grpc-js');
const { connect, hash, signers } = require('@hyperledger/fabric-gateway');
const client = new grpc.Client(options.target, grpc.credentials.createSsl(readFileSync(options.tlsCa)));
const gateways = [];

function contractOf({ mspId, cert, key }) {
    const signer = signers.newPrivateKeySigner(createPrivateKey(readFileSync(key)));
    const gateway = connect({ client, identity: { mspId, credentials: readFileSync(cert) }, signer, hash: hash.sha256 });
    gateways.push(gateway);
    return gateway.getNetwork(options.channel).getContract(options.chaincode);
}

const endorsingOrganizations = options.organisations;
const submit = async (contract, name, args, more = {}) =>
    JSON.parse(Buffer.from(await contract.submit(name, { arguments: args, endorsingOrganizations, ...more })).toString());
const evaluate = async (contract, name, ...args) =>
    JSON.parse(Buffer.from(await contract.evaluateTransaction(name, ...args)).toString());
const refusal = async (work) => {
    try {
        await work();
    } catch (error) {
        return { code: grpc.status[error.code], messages: (error.details ?? []).map((each) => each.message), message: error.message };
    }
    return null;
};

const keeper = contractOf(options.keeper);
const other = contractOf(options.other);
const auditor = contractOf(options.auditor);
const { lot } = options;
const seen = {};
const events = await gateways[0].getNetwork(options.channel).getChaincodeEvents(options.chaincode);
seen.received = await submit(keeper, 'receive', [lot, 'steel', '40'], { transientData: { price: '9.90' } });
for await (const event of events) {
    if (Buffer.from(event.payload).toString().includes(lot)) {
        seen.event = { name: event.eventName, payload: JSON.parse(Buffer.from(event.payload).toString()) };
        break;
    }
}
events.close();
seen.price = await evaluate(keeper, 'price', lot);
seen.again = await refusal(() => submit(keeper, 'receive', [lot, 'steel', '40']));
seen.taken = await refusal(() => submit(other, 'move', [lot, '1', options.other.mspId]));
seen.unknown = await refusal(() => evaluate(keeper, 'read', `${lot}-not`));
seen.moved = await submit(keeper, 'move', [lot, '15', options.other.mspId]);
seen.read = await evaluate(other, 'read', lot);
seen.written = await submit(auditor, 'write_off', [lot]);
seen.history = await evaluate(keeper, 'history', lot);
seen.pages = [];
let bookmark = '';
do {
    const page = await evaluate(keeper, 'list', options.other.mspId, '1', bookmark);
    seen.pages.push(page.lots.map((each) => each.lot));
    ({ bookmark } = page);
} while (bookmark);
gateways.forEach((gateway) => gateway.close());
client.close();
console.log(JSON.stringify(seen));
