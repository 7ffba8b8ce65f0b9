# The server and its client in a small image. docs/installing.md says how to use it.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked -p kora-server && cargo build --release --locked -p kora-cli \
    && strip target/release/kora-server target/release/kora-cli

FROM debian:bookworm-slim
RUN groupadd --system --gid 999 kora && useradd --system --uid 999 --gid kora --home-dir /data --no-create-home kora \
    && install -d -o kora -g kora -m 0750 /data
COPY --from=build /src/target/release/kora-server /src/target/release/kora-cli /usr/local/bin/
COPY LICENSE-MIT LICENSE-APACHE /usr/share/doc/kora/
USER 999:999
WORKDIR /data
VOLUME /data
EXPOSE 6379
STOPSIGNAL SIGTERM
# Any answer will do: without a password in REDISCLI_AUTH a server that has one answers NOAUTH. Only silence is bad.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s CMD ["sh", "-c", "kora-cli PING | grep -q ."]
ENTRYPOINT ["kora-server", "--bind", "*", "-::*", "--dir", "/data"]
