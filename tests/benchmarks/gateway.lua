-- wrk's requests: sales of 1 KB, each with an id of its own. The environment has the path and the hash.
local run = os.time() % 1000000

-- All but the ids is the same every time: wrk, on the same machine, must not cost what it measures.
local before = '{"externalId":"'
local after = '","saleDefaults":{"reference":"#1001"},"customer":{"firstName":"Test","lastName":"user",' ..
  '"email":"test@user.com"},"lineItems":[{"externalId":"line-1","name":"line-item-name","quantity":1,"price":19.90,' ..
  '"taxable":true,"variant":{"externalId":"123"},"properties":[{"key":"note","value":"' .. string.rep('x', 650) ..
  '"}]}],"shipping":[{"code":"c","name":"n","price":4.90}],"options":{}}'
local id = '%06d-%09d'
local length = #before + #string.format(id, 0, 0) + #after
local number, head = 0, nil

function init()
  head = 'POST ' .. os.getenv('GATEWAY_PATH') .. ' HTTP/1.1\r\nHost: gateway\r\ncontent-type: application/json\r\n' ..
    'jetti-webhook-hash: ' .. os.getenv('GATEWAY_HASH') .. '\r\ncontent-length: ' .. length .. '\r\n\r\n' .. before
end

function request()
  number = number + 1
  return head .. string.format(id, run, number) .. after
end
