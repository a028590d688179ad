"""Sends a signed request to Sluice over Kafka and prints the response. Needs only confluent-kafka[avro]."""

import os
import sys
import time
import uuid

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from signing import key_of, signed_headers

brokers = os.environ.get("SLUICE_KAFKA_BROKERS", "127.0.0.1:19092")
prefix = os.environ.get("SLUICE_KAFKA_TOPIC_PREFIX", "")
kafka = {"bootstrap.servers": brokers}
registry_settings = {"url": os.environ.get("SLUICE_REGISTRY_URL", "http://127.0.0.1:19094/apis/ccompat/v7")}
# A local stack without --accounts has no accounts.
if user := os.environ.get("SLUICE_KAFKA_SASL_USERNAME"):
    kafka |= {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "SCRAM-SHA-512"}
    kafka |= {"sasl.username": user, "sasl.password": os.environ["SLUICE_KAFKA_SASL_PASSWORD"]}
if user := os.environ.get("SLUICE_REGISTRY_USERNAME"):
    registry_settings["basic.auth.user.info"] = f"{user}:{os.environ['SLUICE_REGISTRY_PASSWORD']}"
registry = SchemaRegistryClient(registry_settings)
api_key = os.environ["SLUICE_API_KEY"]
key_id, _ = key_of(api_key)
requested, responded = "inference.requested", "inference.responded"
if tenant := os.environ.get("SLUICE_TENANT"):
    # A tenant that has topics of its own reads these.
    responded += f".{tenant}"

# Starts reading at the current end of the topic, before anything is sent.
consumer = Consumer({**kafka, "group.id": f"{prefix}sluice.client.{key_id}.python"})
partitions = consumer.list_topics(prefix + responded, timeout=10).topics[prefix + responded].partitions
ends = {p: consumer.get_watermark_offsets(TopicPartition(prefix + responded, p))[1] for p in partitions}
consumer.assign([TopicPartition(prefix + responded, p, end) for p, end in ends.items()])

# Fields that have a default in the schema may be left out.
question = sys.argv[1] if len(sys.argv) > 1 else "Why is the sky blue?"
request = {"requestId": str(uuid.uuid4()), "messages": [{"role": "user", "content": question}]}
if paying := os.environ.get("SLUICE_EXAMPLE_USER"):
    # The user who pays. The key must allow this name (mayName in sluice.yaml), or the request is declined.
    request["user"] = paying
schema = registry.get_latest_version(f"{prefix}{requested}-value").schema
serialize = AvroSerializer(registry, schema, conf={"auto.register.schemas": False})
value = serialize(request, SerializationContext(prefix + requested, MessageField.VALUE))
producer = Producer({**kafka, "enable.idempotence": True})
# A signature is over the topic with its prefix, the value as it is sent, correlation-id and traceparent.
headers = signed_headers(prefix + requested, value, api_key, int(time.time() * 1000))
producer.produce(prefix + requested, value, request["requestId"], headers=headers)
producer.flush()

deserialize = AvroDeserializer(registry)
deadline = time.time() + 60
while time.time() < deadline:
    message = consumer.poll(1)
    if message is None or message.error():
        continue
    response = deserialize(message.value(), SerializationContext(message.topic(), MessageField.VALUE))
    if response["requestId"] != request["requestId"]:
        continue
    if response["completed"]:
        print(response["completed"]["answer"]["choices"][0]["content"])
        print(f"{response['completed']['variant']}, {response['completed']['costNanoUsd']} nano-USD")
    else:
        print(f"{response['outcome']}: {response['refused']['reason']}")
    break
else:
    sys.exit(
        f"No response within 60 s. Check the secret of key {key_id}, "
        f"and look at {prefix}{requested}.dead-letter for the reason."
    )
consumer.close()
