#!/bin/sh
# Starts the broker of docker-compose.yml with an account for each service. The image's own start script would need
# the passwords in variables. This one takes them from the secrets, and writes the settings to memory.
set -eu
umask 077
kafka=${KAFKA_HOME:-/opt/kafka}
secrets=${SLUICE_SECRETS:-/run/secrets}
memory=${SLUICE_MEMORY:-/dev/shm/sluice}
data=${SLUICE_KAFKA_DATA:-/var/lib/kafka/data}
here=$(dirname "$0")
modules=org.apache.kafka.common.security
mkdir -p "$memory"

# Only the broker itself uses PLAIN, on the loopback address of its container. A controller cannot use SCRAM, because
# it would look up accounts before it has loaded any.
broker=$(cat "$secrets/kafka-broker")
own="$modules.plain.PlainLoginModule required username=\"broker\" password=\"$broker\" user_broker=\"$broker\";"
{
  cat "$here/server.properties"
  cat <<SETTINGS

log.dirs=$data
listeners=CONTAINERS://:9092,HOST://:19092,BROKER://127.0.0.1:9094,CONTROLLER://127.0.0.1:9093
advertised.listeners=CONTAINERS://kafka:9092,HOST://127.0.0.1:19092,BROKER://127.0.0.1:9094
listener.security.protocol.map=CONTAINERS:SASL_PLAINTEXT,HOST:SASL_PLAINTEXT,BROKER:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT
controller.quorum.bootstrap.servers=127.0.0.1:9093
inter.broker.listener.name=BROKER
sasl.mechanism.inter.broker.protocol=PLAIN
sasl.mechanism.controller.protocol=PLAIN
listener.name.containers.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.containers.scram-sha-512.sasl.jaas.config=$modules.scram.ScramLoginModule required;
listener.name.host.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.host.scram-sha-512.sasl.jaas.config=$modules.scram.ScramLoginModule required;
listener.name.broker.sasl.enabled.mechanisms=PLAIN
listener.name.broker.plain.sasl.jaas.config=$own
listener.name.controller.sasl.enabled.mechanisms=PLAIN
listener.name.controller.plain.sasl.jaas.config=$own
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:broker;User:sluice-admin
allow.everyone.if.no.acl.found=false
SETTINGS
} > "$memory/server.properties"

# The health check connects with these settings.
cat > "$memory/client.properties" <<SETTINGS
security.protocol=SASL_PLAINTEXT
sasl.mechanism=PLAIN
sasl.jaas.config=$own
SETTINGS

if [ ! -e "$data/meta.properties" ]; then
  # Java reads its own arguments from a file too, so that the passwords are not among the arguments of a process.
  {
    echo "kafka.tools.StorageTool format --standalone --ignore-formatted"
    echo "--cluster-id c2x1aWNlLWNvbXBvc2UtMQ --config $memory/server.properties"
    for file in "$secrets"/kafka-*; do
      name=${file##*/kafka-}
      [ "$name" = broker ] ||
        echo "--add-scram SCRAM-SHA-512=[name=sluice-$name,password=$(cat "$file")]"
    done
  } > "$memory/format"
  # The output contains the salted passwords, so only a failure shows it.
  "$kafka/bin/kafka-run-class.sh" "@$memory/format" > "$memory/output" 2>&1 || {
    grep -v -e password -e ScramCredential "$memory/output" >&2
    exit 1
  }
  rm "$memory/format" "$memory/output"
fi
exec "$kafka/bin/kafka-run-class.sh" kafka.Kafka "$memory/server.properties"
