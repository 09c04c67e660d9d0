// Drives a ledger with the official Fabric Gateway client and prints one JSON object with what it saw.
// usage: node scenarios.mjs '{"target", "tlsCa", "override", "cert", "key", "mspId", "channel", "chaincode", "prefix"}'
// The ledger may be shared: keys and event names begin with the prefix, others' are passed over.
import { createPrivateKey, createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as grpc from '@grpc/grpc-js';
import { connect, checkpointers, signers, hash, EndorseError, CommitError, GatewayError, StatusCode } from '@hyperledger/fabric-gateway';
import { common, peer } from '@hyperledger/fabric-protos';

const options = JSON.parse(process.argv[2]);
const client = new grpc.Client(options.target, grpc.credentials.createSsl(readFileSync(options.tlsCa)), {
    'grpc.max_receive_message_length': 100 * 1024 * 1024,
    ...(options.override ? { 'grpc.ssl_target_name_override': options.override } : {}),
});
const identity = { mspId: options.mspId, credentials: readFileSync(options.cert) };
const signer = signers.newPrivateKeySigner(createPrivateKey(readFileSync(options.key)));
const gateway = connect({ client, identity, signer, hash: hash.sha256 });
const network = gateway.getNetwork(options.channel);
const contract = network.getContract(options.chaincode);
const text = (bytes) => Buffer.from(bytes).toString();
const own = (name) => `${options.prefix}-${name}`;
const isOwn = (event) => event.eventName.startsWith(`${options.prefix}-`);
const bare = (event) => event.eventName.slice(options.prefix.length + 1);

async function failure(call) {
    try {
        await call();
    } catch (error) {
        return {
            type: error.constructor.name,
            code: error.code,
            status: error instanceof GatewayError ? grpc.status[error.code] : undefined,
            message: error.message,
            transactionId: error.transactionId,
            details: error.details,
        };
    }
    return { type: 'none' };
}

async function first(iterable, wanted, matches = () => true) {
    const found = [];
    for await (const item of iterable) {
        if (matches(item)) {
            found.push(item);
        }
        if (found.length === wanted) {
            break;
        }
    }
    iterable.close();
    return found;
}

// A new stream hears what comes once the peer has begun to listen: so something is said until it is heard.
async function whatIsSaidNow(iterable) {
    let heard;
    const listening = first(iterable, 1, isOwn).then((found) => { heard = found; });
    while (!heard) {
        await contract.submitTransaction('event', own('live'), 'now');
        await Promise.race([listening, new Promise((resolve) => setTimeout(resolve, 500))]);
    }
    return heard;
}

async function submitAndEvaluate() {
    const submitted = text(await contract.submitTransaction('put', own('node'), 'one'));
    const evaluated = text(await contract.evaluateTransaction('get', own('node')));
    const seen = JSON.parse(text(await contract.evaluate('whoami', {
        transientData: { secret: 'whispered' },
        endorsingOrganizations: ['BankAMSP'],
    })));
    return { submitted, evaluated, seen };
}

async function stages() {
    const proposal = contract.newProposal('put', { arguments: [own('staged'), 'two'] });
    const transaction = await proposal.endorse();
    const commit = await transaction.submit();
    const status = await commit.getStatus();
    const sent = await contract.submitAsync('put', { arguments: [own('async'), 'three'] });
    const later = await sent.getStatus();
    return {
        same: proposal.getTransactionId() === commit.getTransactionId(),
        result: text(transaction.getResult()),
        status: { code: status.code, successful: status.successful, block: Number(status.blockNumber) },
        asyncResult: text(sent.getResult()),
        later: { code: later.code, successful: later.successful },
        valid: StatusCode.VALID,
    };
}

async function errors() {
    const failed = await contract.newProposal('fail', { arguments: ['500', 'on purpose'] });
    const reading = contract.newProposal('update', { arguments: [own('contested'), 'a'] });
    const winner = contract.newProposal('update', { arguments: [own('contested'), 'b'] });
    const [loserTx, winnerTx] = [await reading.endorse(), await winner.endorse()];
    await (await winnerTx.submit()).getStatus();
    const lost = await (await loserTx.submit()).getStatus();
    return {
        evaluate: await failure(() => contract.evaluateTransaction('fail', '500', 'on purpose')),
        endorse: await failure(() => failed.endorse()),
        endorseBoth: await failure(() => contract.submit('fail', {
            arguments: ['404', 'nothing there'],
            endorsingOrganizations: ['IndustryAMSP', 'BankAMSP'],
        })),
        unknownOrganisation: await failure(() => contract.submit('put', {
            arguments: ['x', 'y'], endorsingOrganizations: ['NobodyMSP'],
        })),
        unknownChaincode: await failure(() => network.getContract('nothing').submitTransaction('put', 'x', 'y')),
        unknownChannel: await failure(() => gateway.getNetwork('nowhere').getContract('kv').evaluateTransaction('get', 'x')),
        conflict: { code: lost.code, successful: lost.successful },
        isEndorseError: await failure(() => failed.endorse()).then((error) => error.type === EndorseError.name),
        commitError: CommitError.name,
    };
}

async function chaincodeEvents() {
    const before = await contract.submitAsync('event', { arguments: [own('first'), 'payload-1'] });
    const started = (await before.getStatus()).blockNumber;
    const ids = [before.getTransactionId()];
    for (const name of ['second', 'third']) {
        const sent = await contract.submitAsync('event', { arguments: [own(name), `payload-${name}`] });
        await sent.getStatus();
        ids.push(sent.getTransactionId());
    }
    const events = await first(await network.getChaincodeEvents(options.chaincode, { startBlock: started }), 3, isOwn);
    const checkpointer = checkpointers.inMemory();
    await checkpointer.checkpointChaincodeEvent(events[0]);
    const resumed = await first(await network.getChaincodeEvents(options.chaincode, { checkpoint: checkpointer }), 2, isOwn);
    const heard = await whatIsSaidNow(await network.getChaincodeEvents(options.chaincode));
    return {
        ids,
        events: events.map((event) => ({
            name: bare(event),
            payload: text(event.payload),
            transactionId: event.transactionId,
            chaincode: event.chaincodeName,
        })),
        resumed: resumed.map(bare),
        live: heard.map(bare),
    };
}

async function blockEvents() {
    const sent = await contract.submitAsync('event', { arguments: [own('in-a-block'), 'hidden'] });
    const block = (await sent.getStatus()).blockNumber;
    const [genesis] = await first(await network.getBlockEvents({ startBlock: 0n }), 1);
    const [whole] = await first(await network.getBlockEvents({ startBlock: block }), 1);
    const [filtered] = await first(await network.getFilteredBlockEvents({ startBlock: block }), 1);
    const [withPrivate] = await first(await network.getBlockAndPrivateDataEvents({ startBlock: block }), 1);
    const header = whole.getHeader();
    const data = createHash('sha256');
    whole.getData().getDataList_asU8().forEach((item) => data.update(item));
    const transactions = whole.getData().getDataList_asU8().map((item) => {
        const payload = common.Payload.deserializeBinary(common.Envelope.deserializeBinary(item).getPayload_asU8());
        const header = common.ChannelHeader.deserializeBinary(payload.getHeader().getChannelHeader_asU8());
        return { txid: header.getTxId(), payload };
    });
    const place = transactions.findIndex((item) => item.txid === sent.getTransactionId());
    const transaction = peer.Transaction.deserializeBinary(transactions[place].payload.getData_asU8());
    const config = common.Envelope.deserializeBinary(genesis.getData().getDataList_asU8()[0]);
    const configPayload = common.Payload.deserializeBinary(config.getPayload_asU8());
    const configEnvelope = common.ConfigEnvelope.deserializeBinary(configPayload.getData_asU8());
    const mark = configEnvelope.getConfig().getChannelGroup().getValuesMap().get('ChanrongEmbedded');
    return {
        number: header.getNumber() === Number(block),
        dataHash: data.digest('hex') === Buffer.from(header.getDataHash_asU8()).toString('hex'),
        actions: transaction.getActionsList().length,
        code: whole.getMetadata().getMetadataList_asU8()[common.BlockMetadataIndex.TRANSACTIONS_FILTER][place],
        genesis: genesis.getHeader().getNumber(),
        genesisFormat: mark ? JSON.parse(text(mark.getValue_asU8())).format : 'fabric',
        filtered: filtered.getFilteredTransactionsList().filter((item) => item.getTxid() === sent.getTransactionId()).map((item) => ({
            code: item.getTxValidationCode(),
            events: item.getTransactionActions().getChaincodeActionsList().map((action) => ({
                name: bare({ eventName: action.getChaincodeEvent().getEventName() }),
                payload: action.getChaincodeEvent().getPayload_asU8().length,
            })),
        })),
        withPrivate: withPrivate.getBlock().getHeader().getNumber() === Number(block),
    };
}

async function offline() {
    const unsigned = connect({ client, identity, hash: hash.sha256 });
    try {
        const there = unsigned.getNetwork(options.channel).getContract(options.chaincode);
        const proposal = there.newProposal('put', { arguments: [own('offline'), 'signed elsewhere'] });
        const missing = await failure(() => proposal.endorse());
        const sign = async (item) => signer(item.getDigest());
        const signedProposal = unsigned.newSignedProposal(proposal.getBytes(), await sign(proposal));
        const transaction = await signedProposal.endorse();
        const signedTransaction = unsigned.newSignedTransaction(transaction.getBytes(), await sign(transaction));
        const commit = await signedTransaction.submit();
        const status = await unsigned.newSignedCommit(commit.getBytes(), await sign(commit)).getStatus();
        const request = unsigned.getNetwork(options.channel).newBlockEventsRequest({ startBlock: status.blockNumber });
        const [block] = await first(
            await unsigned.newSignedBlockEventsRequest(request.getBytes(), await sign(request)).getEvents(), 1);
        const events = unsigned.getNetwork(options.channel).newChaincodeEventsRequest(options.chaincode, { startBlock: 0n });
        const [event] = await first(
            await unsigned.newSignedChaincodeEventsRequest(events.getBytes(), await sign(events)).getEvents(), 1);
        return {
            missing: missing.type,
            successful: status.successful,
            block: block.getHeader().getNumber() === Number(status.blockNumber),
            event: event.eventName !== '',
        };
    } finally {
        unsigned.close();
    }
}

async function many() {
    const results = await Promise.all([...Array(50).keys()].map(async (number) => {
        const commit = await contract.submitAsync('put', { arguments: [own(`many-${number}`), `${number}`] });
        return (await commit.getStatus()).successful;
    }));
    return { successful: results.filter((item) => item).length };
}

try {
    console.log(JSON.stringify({
        submitAndEvaluate: await submitAndEvaluate(),
        stages: await stages(),
        errors: await errors(),
        chaincodeEvents: await chaincodeEvents(),
        blockEvents: await blockEvents(),
        offline: await offline(),
        many: await many(),
    }));
} finally {
    gateway.close();
    client.close();
}
