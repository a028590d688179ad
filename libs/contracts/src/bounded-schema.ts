import avro from "avsc";

const {
  ArrayType,
  FixedType,
  LogicalType,
  MapType,
  NullType,
  RecordType,
  UnwrappedUnionType,
  WrappedUnionType,
} = avro.types;

/** The most values that are read in a row without a look at whether the message has bytes left. */
export const valuesInARowMax = 10_000;

/** What is read for a value of a type, up to the next array, map or union. */
interface Row {
  readonly values: number;
  /** Whether a value may take no bytes at all. */
  readonly isEmpty: boolean;
}

/**
 * Refuses a schema by which a message of a few bytes could keep a process busy. Anyone who may register
 * a schema can write one: items without bytes, of which a message may state any number, or records
 * that each contain the next one twice.
 *
 * @throws RangeError that names the type
 */
export function assertBounded(schema: avro.Type): void {
  const rows = new Map<avro.Type, Row>();
  /** Records in which the one that is measured is contained. */
  const outer = new Set<avro.Type>();
  const waiting = [schema];
  const lists: avro.Type[] = [];

  function rowOf(type: avro.Type): Row {
    const known = rows.get(type);
    if (known) return known;
    if (outer.has(type)) throw new RangeError(`${shown(type)} contains itself.`);
    outer.add(type);
    const row = measured(type);
    outer.delete(type);
    rows.set(type, row);
    if (row.values > valuesInARowMax) throw new RangeError(`${shown(type)} has too many fields.`);
    return row;
  }

  function measured(type: avro.Type): Row {
    if (type instanceof LogicalType) return rowOf(type.underlyingType);
    if (type instanceof RecordType) {
      const fields = type.fields.map((field) => rowOf(field.type));
      assertBytes(type, fields);
      return {
        values: fields.reduce((sum, { values }) => sum + values, 1),
        isEmpty: fields.length === 0,
      };
    }
    waiting.push(...partsOf(type));
    if (type instanceof ArrayType || type instanceof MapType) lists.push(type);
    const isEmpty = type instanceof NullType || (type instanceof FixedType && type.size === 0);
    return { values: 1, isEmpty };
  }

  for (let type = waiting.pop(); type; type = waiting.pop()) rowOf(type);
  for (const list of lists) assertBytes(list, partsOf(list).map(rowOf));
}

function assertBytes(type: avro.Type, parts: readonly Row[]): void {
  if (parts.some(({ isEmpty }) => isEmpty))
    throw new RangeError(`${shown(type)} contains a type without bytes outside a union.`);
}

/** Returns the types of the items of an array or map, or of the branches of a union. */
function partsOf(type: avro.Type): readonly avro.Type[] {
  if (type instanceof ArrayType) return [type.itemsType];
  if (type instanceof MapType) return [type.valuesType];
  if (type instanceof UnwrappedUnionType || type instanceof WrappedUnionType) return type.types;
  return [];
}

function shown({ name, typeName }: avro.Type): string {
  return name === undefined ? `A type "${typeName}"` : `The ${typeName} "${name}"`;
}
