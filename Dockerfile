# Dockyard in an image of its own: two programs, the authorities that they trust, and a folder for the data.
#   docker build -t dockyard .      from source, some twenty minutes
#   scripts/image.sh                from what `make build` left in target/release
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN scripts/build.sh && scripts/image.sh --files /out

FROM scratch
LABEL org.opencontainers.image.title="Dockyard" \
      org.opencontainers.image.description="A Docker Hub of your own" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out/system/ /
# The data folder belongs to whom the server runs as; a new volume takes that over.
COPY --from=build --chown=65532:65532 /out/data/ /data/
USER 65532:65532
ENV DOCKYARD_LISTEN=0.0.0.0:3000 \
    DOCKYARD_DATA_DIR=/data \
    PATH=/usr/bin
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s --retries=3 CMD ["/usr/bin/dockyard", "health"]
ENTRYPOINT ["/usr/bin/dockyard"]
CMD ["serve"]
