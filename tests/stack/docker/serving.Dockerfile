# Stands in for tensorflow/serving where there is no image registry: our own model server under the name and with the
# flags of the original. All that the project puts around the original (serving/tensorflow_serving/Dockerfile) is put around this too.
#
#   docker build -f tests/stack/docker/serving.Dockerfile -t tensorflow/serving:2.19.1 tests/stack/docker
FROM customer-retraining:0.1.0
USER root
COPY --chmod=0755 tensorflow_model_server /usr/bin/
