# One pipeline step: Node, the libraries it asks for, certificates, and the plugin's bundle.
# `npm run image -- plugin --context FOLDER` puts the archives beside a copy of this file.
FROM scratch
ADD base.tar /
ADD plugin.tar /
ENV PATH=/usr/bin
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
LABEL org.opencontainers.image.title="Azure Storage Drone plugin"
LABEL org.opencontainers.image.description="A pipeline step that moves files to and from Azure Storage with a federated identity"
LABEL org.opencontainers.image.licenses="Apache-2.0"
# Root, because the workspace of a Drone build is root's; any other user will do, see docs/images.md.
ENTRYPOINT ["/usr/bin/node", "/app/plugin.mjs"]
