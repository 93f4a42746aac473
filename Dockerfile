# The image of goinit: two static executables and nothing else.
#   COPY --from=goinit /sbin/goinit /sbin/goinitctl /sbin/
#   ENTRYPOINT ["/sbin/goinit", "--"]
# Built for this machine's architecture, or for another: docker buildx build --platform linux/arm64; with the classic
# builder, which knows no target: docker build --build-arg TARGETARCH=arm64.

# Go compiles for every architecture on its own: the compiler runs on the machine's, not emulated. The classic builder
# does not set BUILDPLATFORM; linux alone is the platform of its engine.
FROM --platform=${BUILDPLATFORM:-linux} golang:1.26 AS build
ARG TARGETARCH
ARG COMMIT
WORKDIR /src
COPY . .
RUN GOARCH=$TARGETARCH ./build.sh /out

FROM scratch
COPY --from=build /out/ /sbin/
ENTRYPOINT ["/sbin/goinit"]
