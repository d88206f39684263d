import { expect, test } from 'vitest'
import { FolderWorld, type Mail } from './folder-world.ts'
import { Process } from './stopping.ts'

const KIM = 'dr.kim@clinic-a.example'
const LEE: Mail = { from: KIM, to: ['dr.lee@clinic-b.example'] }
const TWO: Mail = { from: KIM, to: ['dr.two@clinic-b.example'] }
const THREE: Mail = { from: KIM, to: ['dr.three@clinic-b.example'] }
/** The digest of an unwrapped message does not cover its From. */
const OTHERS: Mail = { from: 'dr.kim@clinic-c.example', to: LEE.to }

type Prepare = (world: FolderWorld) => Promise<unknown>

const nothing: Prepare = async () => {}
const ofAnother: Prepare = (world) => new Process().run(world.filing(TWO))

/** What is in the folder of the EHR before a message is filed. */
const SITUATIONS = [
  ['filed', nothing],
  ['added to the folder of another recipient', ofAnother],
  ['filed beside the same bytes of another author', (world) => new Process().run(world.filing(OTHERS))],
] as const satisfies readonly (readonly [string, Prepare])[]

/** Steps that others see, or that see what others do in the store. */
const CHANGING = /^(mkdir|rename|rm|rmdir|ask|settle)$/

/** The steps of a process that files what waits of a mail, which nobody disturbs, from 1; those that are `like` this. */
async function stepsOf(prepare: Prepare, like = /./, mail = LEE) {
  using world = await FolderWorld.make()
  await prepare(world)
  const { steps } = await new Process().run(world.filing(mail))
  return steps.flatMap((step, n) => (like.test(step) ? [n + 1] : []))
}

/** What goes wrong, by the steps before which they are stopped. */
async function wrongAt<Stops extends number | readonly number[]>(
  everywhere: readonly Stops[],
  happen: (world: FolderWorld, stops: Stops) => Promise<void>,
): Promise<Readonly<Record<string, readonly string[]>>> {
  const wrong: Record<string, readonly string[]> = {}
  for (const stops of everywhere) {
    using world = await FolderWorld.make()
    await happen(world, stops)
    const found = world.wrong()
    if (found.length > 0) wrong[String(stops)] = found
  }
  return wrong
}

const upTo = (most: number) => Array.from({ length: most }, (_, n) => n + 1)
const pairs = (some: readonly number[], others: readonly number[]) =>
  some.flatMap((one) => others.map((other) => [one, other] as const))

test.each(SITUATIONS)(
  'a message that is %s: who is stopped anywhere, while another process does it and the EHR takes it, does nothing again (IN-10)',
  async (_, prepare) => {
    const steps = await stepsOf(prepare)
    const wrong = await wrongAt(steps, async (world, stop) => {
      await prepare(world)
      const late = await new Process().run(world.filing(LEE), stop)
      await new Process().run(world.filing(LEE))
      world.take()
      world.takesAtOnce = true
      await late.goOn()
    })
    expect(wrong).toEqual({})
  },
)

test.each(SITUATIONS)(
  'a message that is %s: a process is killed anywhere, another one does it, and the next sweeps what is left (IN-10)',
  async (_, prepare) => {
    const steps = await stepsOf(prepare)
    const wrong = await wrongAt(steps, async (world, stop) => {
      await prepare(world)
      const killed = await new Process().run(world.filing(LEE), stop)
      await killed.kill()
      await new Process().run(world.filing(LEE))
      world.take()
      await world.sweep()
    })
    expect(wrong).toEqual({})
  },
)

test('who is stopped before it files, and who is stopped before it begins, do not file what a third one has (IN-10)', async () => {
  const [beginning = 0] = await stepsOf(nothing, /^mkdir$/)
  const late = (await stepsOf(nothing, /^(ask|rename)$/)).filter((step) => step > beginning)
  const wrong = await wrongAt(pairs(late, upTo(24)), async (world, [stop, more]) => {
    world.takesAtOnce = true
    const slow = await new Process().run(world.filing(LEE), beginning)
    const stopped = await new Process().run(world.filing(LEE), stop)
    await new Process().run(world.filing(LEE))
    // What it makes now, the other must not file.
    await slow.goOn(more)
    await stopped.goOn()
    await slow.goOn()
  })
  expect(wrong).toEqual({})
})

test('who looks how far another process has come, while that one goes on, does not take it for done (IN-10)', async () => {
  const wrong = await wrongAt(
    pairs(await stepsOf(ofAnother, CHANGING), upTo(8)),
    async (world, [stop, look]) => {
      await ofAnother(world)
      const other = await new Process().run(world.filing(LEE), stop)
      const looking = await new Process().run(world.filing(LEE), look)
      await other.goOn(3)
      await looking.goOn()
      await other.goOn()
    },
  )
  expect(wrong).toEqual({})
})

test('of two who would file and add one delivery, and are stopped, one does it (IN-10)', async () => {
  const files = await stepsOf(nothing, /^(rename|ask)$/)
  const adds = await stepsOf(ofAnother, CHANGING)
  const wrong = await wrongAt(pairs(files, adds), async (world, [stop, other]) => {
    const filing = await new Process().run(world.filing(LEE), stop)
    await new Process().run(world.filing(TWO))
    const adding = await new Process().run(world.filing(LEE), other)
    world.takesAtOnce = true
    world.take()
    await filing.goOn()
    await adding.goOn()
  })
  expect(wrong).toEqual({})
})

test.each([
  ['adds a recipient meanwhile', false],
  ['files it for another recipient, as the EHR has taken the folder,', true],
])(
  'who is stopped as it adds a recipient, while another process %s takes nobody away (IN-10)',
  async (_, isTaken) => {
    const wrong = await wrongAt(await stepsOf(ofAnother), async (world, stop) => {
      await ofAnother(world)
      const late = await new Process().run(world.filing(LEE), stop)
      if (isTaken) world.take()
      await new Process().run(world.filing(THREE))
      await late.goOn()
    })
    expect(wrong).toEqual({})
  },
)

test.each([false, true])(
  'another author’s message takes the folder’s name at any point, and is taken: %s; each says where it lies',
  async (isTaken) => {
    const wrong = await wrongAt(await stepsOf(nothing), async (world, stop) => {
      const late = await new Process().run(world.filing(LEE), stop)
      await new Process().run(world.filing(OTHERS))
      const other = await new Process().run(world.filing(LEE), stop + 2)
      if (isTaken) world.take()
      await late.goOn()
      await other.goOn()
    })
    expect(wrong).toEqual({})
  },
)

const BOTH: Mail = { from: KIM, to: [...LEE.to, ...TWO.to] }
const OTHER_TWO: Mail = { from: KIM, to: [...TWO.to, ...THREE.to] }

/** Mails with the same message, in the order in which they come. */
const OVERLAPPING = [
  ['for one, and for that one and another', LEE, BOTH],
  ['for two, and for one of them', BOTH, LEE],
  ['for two, and for one of them and a third', BOTH, OTHER_TWO],
] as const satisfies readonly (readonly [string, Mail, Mail])[]

test.each(
  OVERLAPPING.flatMap(([which, ...mails]) =>
    ([0, 1] as const).map((at) => [which, at + 1, mails, at] as const),
  ),
)(
  'one message in two mails, %s: a process is stopped anywhere at the mail %i, or killed, while others do what waits and the EHR takes it, and nobody gets it twice (IN-10)',
  async (_, __, mails, at) => {
    const arrive: Prepare = async (world) => void mails.map((mail) => world.filing(mail))
    const [mail, other] = [mails[at], mails[1 - at] as Mail]
    const steps = await stepsOf(arrive, /./, mail)
    for (const isKilled of [false, true]) {
      const wrong = await wrongAt(steps, async (world, stop) => {
        await arrive(world)
        world.takesAtOnce = true
        const stopped = await new Process().run(world.filing(mail), stop)
        if (isKilled) await stopped.kill()
        world.take()
        await new Process().run(world.filing(other))
        if (!isKilled) await stopped.goOn()
        for (const every of mails) await new Process().run(world.filing(every))
        await world.sweep()
      })
      expect(wrong).toEqual({})
    }
  },
)
