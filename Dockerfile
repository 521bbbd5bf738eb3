# Two stages: wheels are made where a compiler may be needed, and only installed in the final layer.
FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY kzlabel ./kzlabel
RUN python -m venv /opt/kzlabel && /opt/kzlabel/bin/pip install --no-cache-dir .

FROM python:3.13-slim
LABEL org.opencontainers.image.title="kzlabel" \
      org.opencontainers.image.description="Labels AI-generated media and verifies such labels" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --create-home --uid 10001 kzlabel
COPY --from=build /opt/kzlabel /opt/kzlabel
ENV PATH=/opt/kzlabel/bin:$PATH PYTHONUNBUFFERED=1
USER kzlabel
WORKDIR /work
HEALTHCHECK --interval=60s --timeout=10s CMD ["kzlabel", "--version"]
ENTRYPOINT ["kzlabel"]
CMD ["--help"]
