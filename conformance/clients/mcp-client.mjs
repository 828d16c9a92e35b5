// mcp-client.mjs SERVER CALLBACK: signs in to an MCP server, and calls its tool `whoami` at each visit of CALLBACK.
import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js"
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js"
import { createServer } from "node:http"

const server = new URL(process.argv[2])
const callback = new URL(process.argv[3])
let tokens, verifier, authorizationUrl

const authProvider = {
  redirectUrl: callback.href,
  clientMetadata: { redirect_uris: [callback.href] },
  clientInformation: () => ({ client_id: "mcp-client" }),
  tokens: () => tokens,
  saveTokens: (issued) => (tokens = issued),
  codeVerifier: () => verifier,
  saveCodeVerifier: (made) => (verifier = made),
  redirectToAuthorization: (url) => (authorizationUrl = url),
}

async function whoami(code) {
  const transport = new StreamableHTTPClientTransport(server, { authProvider })
  if (code) await transport.finishAuth(code)
  const client = new Client({ name: "example", version: "1.0.0" })
  await client.connect(code ? new StreamableHTTPClientTransport(server, { authProvider }) : transport)
  const { content } = await client.callTool({ name: "whoami" })
  await client.close()
  return content[0].text
}

createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, callback)
  if (pathname !== callback.pathname) return response.writeHead(404).end()
  try {
    const user = await whoami(searchParams.get("code"))
    response.writeHead(200, { "Content-Type": "application/json" })
    response.end(JSON.stringify({ user, access_token: tokens.access_token }))
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error
    response.writeHead(302, { Location: authorizationUrl.href }).end()
  }
}).listen(callback.port)
