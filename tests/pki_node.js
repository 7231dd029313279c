// Node's X509Certificate, asked about every certificate of a list in one process:
//   node pki_node.js QUESTIONS.json > ANSWERS.json
// An answer is a list of what was not as expected; empty when all was.
'use strict';

const crypto = require('crypto');
const fs = require('fs');

const stranger = crypto.generateKeyPairSync('ec', {namedCurve: 'P-256'});

function ask(question) {
  const wrong = [];
  const expect = (what, found, wanted) => {
    const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)];
    if (a !== b) wrong.push(`${what}: ${a}, expected ${b}`);
  };
  const certificate = new crypto.X509Certificate(fs.readFileSync(question.certificate));
  const issuer = new crypto.X509Certificate(fs.readFileSync(question.issuer));
  const key = crypto.createPrivateKey(fs.readFileSync(question.key));

  expect('verify(issuer)', certificate.verify(issuer.publicKey), true);
  expect('verify(stranger)', certificate.verify(stranger.publicKey), false);
  expect('checkIssued(issuer)', certificate.checkIssued(issuer), true);
  expect('checkIssued(itself)', certificate.checkIssued(certificate), false);
  expect('checkPrivateKey', certificate.checkPrivateKey(key), true);
  expect('checkPrivateKey(stranger)', certificate.checkPrivateKey(stranger.privateKey), false);

  // subject 'never': a CN is not looked at, whatever SANs there are.
  const never = {subject: 'never'};
  for (const host of question.hosts) expect(`checkHost(${host})`, certificate.checkHost(host, never) !== undefined, true);
  for (const ip of question.ips) expect(`checkIP(${ip})`, certificate.checkIP(ip), ip);
  for (const email of question.emails) expect(`checkEmail(${email})`, certificate.checkEmail(email, never), email);
  expect('checkHost(outsider)', certificate.checkHost(question.outsider.host, never), undefined);
  expect('checkIP(outsider)', certificate.checkIP(question.outsider.ip), undefined);
  expect('checkEmail(outsider)', certificate.checkEmail(question.outsider.email, never), undefined);

  expect('extended key usages', [...new Set(certificate.keyUsage)].sort(), question.extended);
  expect('ca', certificate.ca, question.ca);
  const details = certificate.publicKey.asymmetricKeyDetails;
  expect('key', [certificate.publicKey.asymmetricKeyType, details.namedCurve || details.modulusLength || 0], question.kind);
  for (const value of question.subject) {
    // One attribute a line, several in one RDN joined by " + ", RFC 2253's escapes before its special characters.
    const plain = certificate.subject.replace(/\\(.)/g, '$1');
    if (!plain.includes(value)) wrong.push(`subject: ${plain} lacks ${value}`);
  }
  for (const url of question.urls) {
    if (!(certificate.infoAccess || '').includes(`URI:${url}`)) wrong.push(`infoAccess: ${certificate.infoAccess} lacks ${url}`);
  }
  const [from, to] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)];
  if (!(from <= Date.now() && Date.now() < to)) wrong.push(`not valid now: ${certificate.validFrom} to ${certificate.validTo}`);
  return wrong;
}

const questions = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
process.stdout.write(JSON.stringify(questions.map(ask)));
