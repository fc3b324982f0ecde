// Takes a socket from its parent process and sends back all that comes out of it until its end.
import { Buffer } from 'node:buffer';
import process from 'node:process';

process.on('message', (_, socket) => {
  const chunks = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('end', () => {
    process.send(Buffer.concat(chunks).toString('base64'), () => process.disconnect());
    socket.destroy();
  });
});
