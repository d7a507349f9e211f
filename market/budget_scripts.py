"""What Redis does in one step for the request budget: Lua, with its keys and answers.

``HOLD_CHECK`` begins every script that spends something; it needs the hold's key and
this machine's time in ms. Answers: {unknown} when Redis has lost the hold,
{held, until, banned, reason}, {free}, {go | wait, ms, used, minute, ceiling or 0}.
"""

# A hold is a hash {until, banned, reason}; ``until`` is always there once seeded.
HOLD_CHECK = """
local function held(key, now)
  local until_ = redis.call('HGET', key, 'until')
  if not until_ then return {'unknown'} end
  if tonumber(until_) > tonumber(now) then
    return {'held', until_, redis.call('HGET', key, 'banned'),
            redis.call('HGET', key, 'reason')}
  end
  return nil
end
local function hold(key, until_, banned, reason)
  local old = redis.call('HGET', key, 'until')
  if not old or tonumber(old) < tonumber(until_) then
    redis.call('HSET', key, 'until', until_, 'banned', banned, 'reason', reason)
  end
end
"""
HELD = HOLD_CHECK + "return held(KEYS[1], ARGV[1]) or {'free'}"
SET_HOLD = HOLD_CHECK + "hold(KEYS[1], ARGV[1], ARGV[2], ARGV[3])"

# KEYS: hold, ledger {minute, used, ceiling}, flights {id: weight:last moment:open}
_FLIGHT = """
local function flight(text)
  local weight, last, open = string.match(text, '^(%d+):(%d+):(%d)$')
  return tonumber(weight), tonumber(last), open == '1'
end
"""
TAKE = (
    HOLD_CHECK
    + _FLIGHT
    + """
local now, guard, limit = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local weight, life, step = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local silence = held(KEYS[1], ARGV[1])
if silence then return silence end
local state = redis.call('HMGET', KEYS[2], 'minute', 'used', 'ceiling')
local minute, used = tonumber(state[1] or -1), tonumber(state[2] or 0)
local ceiling = tonumber(state[3] or 0)
local current = math.floor((now - guard) / 60000)
if current > minute or current < minute - tonumber(ARGV[9]) then
  local edge = current * 60000 - guard
  local open = redis.call('HGETALL', KEYS[3])
  used, ceiling, minute = 0, 0, current
  for i = 1, #open, 2 do
    local cost, last = flight(open[i + 1])
    if last >= edge then used = used + cost else redis.call('HDEL', KEYS[3], open[i]) end
  end
end
local answer
if used + weight > limit then
  answer = {'wait', math.max(1, (minute + 1) * 60000 + guard - now), used, minute, 0}
else
  used = used + weight
  redis.call('HSET', KEYS[3], ARGV[5], string.format('%d:%d:1', weight, now + life))
  if used > ceiling - step then
    ceiling = used + 2 * step
    answer = {'go', 0, used, minute, ceiling}
  else
    answer = {'go', 0, used, minute, 0}
  end
end
redis.call('HSET', KEYS[2], 'minute', minute, 'used', used, 'ceiling', ceiling)
return answer
"""
)
SETTLE = (
    _FLIGHT
    + """
local now, guard, told = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[5])
local state = redis.call('HMGET', KEYS[1], 'minute', 'used')
local minute, used = tonumber(state[1] or -1), tonumber(state[2] or 0)
local text = redis.call('HGET', KEYS[2], ARGV[3])
redis.call('HDEL', KEYS[2], ARGV[3])
if told >= 0 and minute == tonumber(ARGV[4]) then
  local open = redis.call('HGETALL', KEYS[2])
  for i = 2, #open, 2 do
    local cost, _, still = flight(open[i])
    if still then told = told + cost end
  end
  if told > used then redis.call('HSET', KEYS[1], 'used', told) end
end
if text and now >= (minute + 1) * 60000 - guard then
  local weight = flight(text)
  redis.call('HSET', KEYS[2], ARGV[3], string.format('%d:%d:0', weight, now))
end
"""
)
# What the database and this process remember joins what Redis has. A ledger that is
# alive has told the database its ceiling, so a higher one there means it was lost.
SEED = (
    HOLD_CHECK
    + """
hold(KEYS[1], ARGV[1], ARGV[2], ARGV[3])
local state = redis.call('HMGET', KEYS[2], 'minute', 'used', 'ceiling')
local minute, used = tonumber(state[1] or -1), tonumber(state[2] or 0)
local ceiling = tonumber(state[3] or 0)
local stored, seen, alone = tonumber(ARGV[4]), tonumber(ARGV[6]), tonumber(ARGV[8])
local newest = math.max(stored, seen, alone)
if newest > minute then minute, used, ceiling = newest, 0, 0 end
if stored == minute and tonumber(ARGV[5]) > ceiling then
  ceiling = tonumber(ARGV[5])
  used = math.max(used, ceiling)
end
if seen == minute then used = math.max(used, tonumber(ARGV[7])) end
if alone == minute then used = used + tonumber(ARGV[9]) end
redis.call('HSET', KEYS[2], 'minute', minute, 'used', used, 'ceiling', ceiling)
"""
)
