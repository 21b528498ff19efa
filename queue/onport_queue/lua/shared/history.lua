-- The history: what was delivered last of a key, as `<version> <when> <status> <attempts>`.
--
-- The version is that of the last delivered full payload, 0 if there was none: an older one is superseded. When is ms of
-- Redis's time of day. For `delivered`, and for a gateway that must tell a new sale from an update.

local function version_of(noted) return tonumber(string.match(noted, '^%d+')) end

local function delivery(version, when, status, attempts)
  return string.format('%.0f %.0f %s %d', version, when, status == '' and '-' or status, attempts)
end

local function with_version(noted, version) return (string.gsub(noted, '^%d+', whole(version))) end
