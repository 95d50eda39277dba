# The trust service: Node, the libraries it asks for, certificates, and the bundles of all commands.
# `npm run image -- service --context FOLDER` puts the archives beside a copy of this file.
FROM scratch
ADD base.tar /
ADD service.tar /
ENV PATH=/usr/bin
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
LABEL org.opencontainers.image.title="Azure Storage Drone service"
LABEL org.opencontainers.image.description="The trust service beside a Drone server: it vouches for each build with an OIDC token of minutes"
LABEL org.opencontainers.image.licenses="Apache-2.0"
USER 65532:65532
VOLUME ["/var/lib/azure-storage-drone"]
# The doors for CI, steps, the world and admins, as docs/service.md numbers them.
EXPOSE 8480 8443 8481 8444
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
  CMD ["/usr/bin/node", "/app/cli.mjs", "health", "--config", "/etc/azure-storage-drone/service.yaml"]
ENTRYPOINT ["/usr/bin/node", "/app/cli.mjs"]
CMD ["serve", "--config", "/etc/azure-storage-drone/service.yaml"]
