# One image for all services: docker run IMAGE node services/collector/dist/main.js
ARG NODE_IMAGE=node:20-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY . .
# Optional packages are the embedded Postgres and native speed-ups: servers have their own containers here.
RUN npm ci --ignore-scripts && npx tsc -b && npm ci --ignore-scripts --omit=dev --omit=optional \
  && find packages services -name src -prune -exec rm -rf {} + && npm cache clean --force

FROM ${NODE_IMAGE}
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app ./
RUN groupadd --system --gid 10001 quarterpast \
  && useradd --system --uid 10001 --gid quarterpast --home-dir /data quarterpast \
  && install -d -o quarterpast -g quarterpast /data /proofs /anchors
USER quarterpast
VOLUME /data
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["node", "packages/cli/dist/main.js", "--help"]
